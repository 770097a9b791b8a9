/* What is left to do when a zone has ended, see exitlist.h. */
#include "exitlist.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "group.h"
#include "netlink.h"
#include "share.h"

/* Never lazily: whoever finds the place empty may mount the same file system anew. Somebody may just be looking into it. */
static void unmount(const char *path, bool patient) {
  int tries = patient ? 50 : 1;
  while (umount2(path, UMOUNT_NOFOLLOW) != 0 && errno == EBUSY && --tries > 0) usleep(10000);
  rmdir(path);
}

void exitlist_run(const struct plan *plan, bool patient) {
  struct cursor at = {0};
  struct op op;
  char text[8];
  const char *call;
  while (plan_next(plan, &at, &op)) {
    switch ((int)op.id) {
    case OP_EXIT_RMDIR:
      group_remove(op_arg(&op, 0), patient);
      break;
    case OP_EXIT_RMTREE:
      group_remove_tree(op_arg(&op, 0), patient);
      break;
    case OP_EXIT_UNLINK:
      unlink(op_arg(&op, 0));
      break;
    case OP_EXIT_UMOUNT:
      unmount(op_arg(&op, 0), patient);
      break;
    case OP_EXIT_NL:
      netlink_request(op_arg(&op, 0), op_arg(&op, 1), &call, text, sizeof text);
      break;
    case OP_EXIT_LAST:
      share_last(op_arg(&op, 0), op_arg(&op, 1));
      break;
    default:
      break;
    }
  }
}

static void spawn(const struct op *op) {
  pid_t child = fork();
  if (child != 0) return;
  setsid();
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number <= 64; number++) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2 && null >= 0; fd++) dup2(null, fd);
  char **argv = calloc((size_t)op->argc + 1, sizeof *argv);
  char **environment = calloc((size_t)op->argc + 2, sizeof *environment);
  static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  if (argv != NULL && environment != NULL && op_argv(op, 0, argv, op->argc + 1) > 0) {
    int variables = 0;
    for (; argv[variables] != NULL && strchr(argv[variables], '=') != NULL; variables++) {
      environment[variables] = argv[variables];
    }
    environment[variables] = path;
    close(4);
    if (argv[variables] != NULL) execvpe(argv[variables], argv + variables, environment);
  }
  _exit(127);
}

void exitlist_spawn_all(const struct plan *plan, enum op_id id) {
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    if (op.id == id) spawn(&op);
  }
}

void exitlist_spawn(const struct plan *plan) {
  exitlist_spawn_all(plan, OP_EXIT_SPAWN);
}
