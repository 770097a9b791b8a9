/* Mode `enter`: runs a command in a zone for node, see report.h. */
#include "attend.h"
#include "host.h"
#include "launch.h"
#include "report.h"

static void nothing(void) {
}

int enter_main(int argc, char **argv) {
  static struct plan plan;
  static const struct caller node = {EVENT_FD, nothing, report_started, nothing, report_exited, nothing};
  (void)argc;
  host_begin(argv - 1);
  host_read_plan(&plan, false);
  attend(&plan, &node);
}
