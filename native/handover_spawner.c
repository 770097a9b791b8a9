/* Starts the spawner while node starts, see handover_spawner.h. */
#include "handover_spawner.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handover_verbs.h"

enum { SPAWNER_FD = 3 };

/* Of the commands with `takesLocks`, and their other names; a test compares. Those of two words leave it to node. */
static const char *const locking[] = {"clone",   "copy",   "create", "delete", "rm",    "destroy", "fork",    "import",
                                      "restart", "reboot", "run",    "launch", "start", "stop",    "shutdown"};

static bool takes_locks(const char *verb) {
  return is_verb_of(verb, locking, sizeof locking / sizeof locking[0]);
}

/* Beside this program, where they are built together; elsewhere it is node's to find. */
static bool find_helper(char *path, size_t size) {
  static const char name[] = "tszone-helper";
  ssize_t length = readlink("/proc/self/exe", path, size - sizeof name);
  if (length <= 0) return false;
  path[length] = '\0';
  char *slash = strrchr(path, '/');
  if (slash == NULL) return false;
  memcpy(slash + 1, name, sizeof name);
  return access(path, X_OK) == 0;
}

/* As node would start it: a session of its own, which a Ctrl-C at the terminal does not reach, and nobody's
 * descriptors. */
_Noreturn static void become_spawner(char *helper, int socket, char *pid) {
  static char mode[] = "spawner";
  char *argv[] = {helper, mode, pid, NULL};
  char *environment[] = {NULL};
  setsid();
  /* Not one of those that are about to be replaced. */
  int end = fcntl(socket, F_DUPFD, SPAWNER_FD + 1);
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < SPAWNER_FD; fd++) {
    if (null < 0 || dup2(null, fd) < 0) _exit(1);
  }
  if (end < 0 || dup2(end, SPAWNER_FD) < 0) _exit(1);
  execve(helper, argv, environment);
  _exit(1);
}

void handover_spawner(const char *verb) {
  static char helper[PATH_MAX];
  char pid[16];
  char text[40];
  int ends[2];
  /* Of an environment that was inherited: what it names was another's. */
  unsetenv("TSZONE_SPAWNER");
  if (!takes_locks(verb) || !find_helper(helper, sizeof helper)) return;
  if (fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || fcntl(2, F_GETFD) < 0) return;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return;
  snprintf(pid, sizeof pid, "%d", (int)getpid());
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    become_spawner(helper, ends[1], pid);
  }
  close(ends[1]);
  snprintf(text, sizeof text, "%d:%d", ends[0], (int)child);
  if (child < 0 || setenv("TSZONE_SPAWNER", text, 1) != 0) close(ends[0]);
}
