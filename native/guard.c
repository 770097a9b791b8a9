/* The exec's guard, see guard.h. */
#include "guard.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "dial.h"

static int guard = -1;

void guard_start(const char *socket_path, const char *group) {
  char line[PATH_MAX + 8];
  if (socket_path == NULL || group == NULL) return;
  guard = dial(socket_path);
  int length = snprintf(line, sizeof line, "guard %s\n", group);
  if (guard >= 0) send(guard, line, (size_t)length, MSG_NOSIGNAL);
}

void guard_stop(void) {
  if (guard >= 0) send(guard, "done\n", 5, MSG_NOSIGNAL);
}
