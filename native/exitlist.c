/* What is left to do when a zone has ended, see exitlist.h. */
#include "exitlist.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "netlink.h"
#include "process.h"

enum { TRIES = 100, PAUSE_MS = 10 };

static void pause_ms(long ms) {
  struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* A group is busy for a moment after its last process has been reaped. */
static void remove_group(const char *path, bool patient) {
  for (int i = 0; rmdir(path) != 0 && errno == EBUSY && patient && i < TRIES; i++) pause_ms(PAUSE_MS);
}

/* Calls `each` on every group below the path, deepest first, then on the path itself. */
static void walk_groups(const char *path, void (*each)(const char *path, bool flag), bool flag, int depth) {
  DIR *directory = depth > 32 ? NULL : opendir(path);
  if (directory != NULL) {
    struct dirent *entry;
    char below[PATH_MAX];
    while ((entry = readdir(directory)) != NULL) {
      if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
      int n = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
      if (n > 0 && (size_t)n < sizeof below) walk_groups(below, each, flag, depth + 1);
    }
    closedir(directory);
  }
  each(path, flag);
}

static bool kill_found;

static void kill_members(const char *path, bool flag) {
  (void)flag;
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%.4000s/cgroup.procs", path);
  FILE *file = fopen(name, "re");
  if (file == NULL) return;
  int pid;
  while (fscanf(file, "%d", &pid) == 1) {
    if (pid <= 0) continue;
    kill_found = true;
    kill(pid, SIGKILL);
  }
  fclose(file);
}

void group_kill(const char *path) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%.4000s/cgroup.kill", path);
  /* Where the kernel does it at once (v2, 5.14), the loop below only waits for the end. */
  write_text(name, "1");
  for (int i = 0; i < TRIES; i++) {
    kill_found = false;
    walk_groups(path, kill_members, false, 0);
    if (!kill_found) return;
    pause_ms(1 + i / 4);
  }
}

void exitlist_run(const struct plan *plan, bool patient) {
  struct cursor at = {0};
  struct op op;
  char text[8];
  const char *call;
  while (plan_next(plan, &at, &op)) {
    switch ((int)op.id) {
    case OP_EXIT_RMDIR:
      remove_group(op_arg(&op, 0), patient);
      break;
    case OP_EXIT_RMTREE:
      walk_groups(op_arg(&op, 0), remove_group, patient, 0);
      break;
    case OP_EXIT_UNLINK:
      unlink(op_arg(&op, 0));
      break;
    case OP_EXIT_NL:
      netlink_request(op_arg(&op, 0), op_arg(&op, 1), &call, text, sizeof text);
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
  char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  char *environment[] = {path, NULL};
  if (argv != NULL && op_argv(op, 0, argv, op->argc + 1) > 0) {
    close(4);
    execvpe(argv[0], argv, environment);
  }
  _exit(127);
}

void exitlist_spawn(const struct plan *plan) {
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    if (op.id == OP_EXIT_SPAWN) spawn(&op);
  }
}
