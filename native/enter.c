/* Mode `enter`: runs a command in a zone for node, see report.h. */
#include "attend.h"
#include "host.h"
#include "launch.h"
#include "report.h"

static void nothing(void) {}

static struct plan plan;
static const struct caller node = {EVENT_FD, nothing, report_started, nothing, report_exited, nothing};

void enter_forked(const struct plan *given) {
  plan = *given;
  host_begin_forked();
  host_load_plan(&plan, false);
  attend(&plan, &node);
}

int enter_main(int argc, char **argv) {
  (void)argc;
  host_begin(argv - 1);
  host_read_plan(&plan, false);
  attend(&plan, &node);
}
