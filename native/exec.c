/* The last steps of the zone side: environment, the forked init, exec. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "hand.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

static const char default_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/* Where NAME= is set, or -1. */
static int env_find(const char *assignment, size_t name_length) {
  for (int i = 0; i < zone.environment_count; i++) {
    const char *entry = zone.environment[i];
    if (strncmp(entry, assignment, name_length) == 0 && entry[name_length] == '=') return i;
  }
  return -1;
}

static void env_put(char *assignment) {
  int at = env_find(assignment, strcspn(assignment, "="));
  if (at < 0) {
    if (zone.environment_count + 1 >= MAX_ENVIRONMENT) fail_with(E2BIG, "", assignment, "too many variables");
    at = zone.environment_count++;
  }
  zone.environment[at] = assignment;
}

void exec_env_set(const struct op *op) {
  const char *assignment = op_arg(op, 0);
  if (strchr(assignment, '=') == NULL) fail_with(EINVAL, "", assignment, "not NAME=VALUE");
  env_put((char *)(size_t)assignment);
}

void exec_env_default(const char *name, const char *value) {
  if (env_find(name, strlen(name)) >= 0) return;
  char *assignment;
  if (asprintf(&assignment, "%s=%s", name, value) < 0) fail("asprintf", name);
  env_put(assignment);
}

/* The op's arguments as argv, with room for two more; never freed, as exec or _exit follows. */
static char **argv_of(const struct op *op, int from) {
  int size = op->argc + 4;
  char **argv = calloc((size_t)size, sizeof *argv);
  if (argv == NULL) fail("calloc", "");
  op_argv(op, from, argv, size);
  return argv;
}

static void block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
}

/* A signal that comes while the zone's init has not begun to wait for them is kept: the kernel throws away what pid 1 does not block. */
static void default_signals(bool blocked) {
  if (blocked) block_signals();
  for (int number = 1; number <= 64; number++) signal(number, SIG_DFL);
  if (blocked) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void take_terminal(void) {
  setsid();
  if (zone.console < 0) return;
  for (int fd = 0; fd <= 2; fd++) {
    if (dup2(zone.console, fd) < 0) fail("dup2", "console");
  }
  if (ioctl(0, TIOCSCTTY, 0) != 0) fail("ioctl(TIOCSCTTY)", "console");
}

static void close_between(int from, int to) {
  if (from <= to) tz_close_range((unsigned)from, (unsigned)to, 0);
}

/* Close-on-exec is too late: the kernel looks for the program, and for the interpreter that a script of the zone names, while
 * what is open is open, and /proc/self/fd/N leads through a directory of the host as well as through one of the zone. */
static void close_but(int one, int other) {
  int low = one < other ? one : other;
  int high = one < other ? other : one;
  close_between(3, low - 1);
  close_between(low < 3 ? 3 : low + 1, high - 1);
  tz_close_range((unsigned)high + 1, ~0U, 0);
}

/* Everything up to the exec itself, which may need one more descriptor. After this, the end of the socket tells the host side that
 * it worked. The filter comes last: what it refuses is the program's alone. */
static void prepare(int program) {
  take_terminal();
  default_signals(zone.is_init);
  if (zone.tied) zone_tie();
  close_but(zone.socket, program);
  if (!hand_send(zone.socket, HAND_EXEC)) fail("send", "");
  seccomp_install();
}

static void exec_slot_fd(const struct op *op, char **argv, char **environment) {
  const char *slot = op_arg(op, 0);
  struct tree *tree = tree_find(slot);
  prepare(tree->fd);
  syscall(SYS_execveat, tree->fd, "", argv, environment, TZ_AT_EMPTY_PATH);
  fail("execveat", slot);
}

_Noreturn void exec_slot(const struct op *op) {
  zone.environment[zone.environment_count] = NULL;
  char **argv = argv_of(op, 1);
  zone.is_init = argv[0] != NULL && strcmp(argv[0], "init") == 0;
  exec_slot_fd(op, argv, zone.environment);
  _exit(STATUS_FAILED);
}

/* pid 1 keeps no terminal and no pipe of its main child. */
static void quiet_stdio(void) {
  int null = path_open("/dev/null", O_RDWR, 0);
  if (null < 0) return;
  for (int fd = 0; fd <= 2; fd++) dup2(null, fd);
  close(null);
}

void exec_init_fork(const struct op *op) {
  /* Until it execs, and on. */
  block_signals();
  pid_t child = fork();
  if (child < 0) fail("fork", "");
  if (child == 0) {
    /* Its parent is pid 1, whose end is the end of all: nothing to tie. */
    zone.tied = false;
    return;
  }
  char **argv = argv_of(op, 1);
  char number[16];
  char option[] = "--main";
  char *environment[] = {NULL};
  snprintf(number, sizeof number, "%d", (int)child);
  char **end = argv;
  while (*end != NULL) end++;
  end[0] = option;
  end[1] = number;
  end[2] = NULL;
  zone.console = -1;
  zone.is_init = true;
  quiet_stdio();
  exec_slot_fd(op, argv, environment);
}

/* A failing execve costs ten times as much as this. */
static bool is_missing(const char *path) {
  struct stat info;
  return stat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* execve on each directory of PATH. As execvp does: EACCES is remembered, because a later directory may have the
 * program. */
static void exec_search(const char *name, char **argv) {
  int at = env_find("PATH", 4);
  const char *directories = at < 0 ? default_path : zone.environment[at] + 5;
  int error = ENOENT;
  char path[PATH_MAX];
  for (;;) {
    size_t length = strcspn(directories, ":");
    int n = length == 0 ? snprintf(path, sizeof path, "./%s", name)
                        : snprintf(path, sizeof path, "%.*s/%s", (int)length, directories, name);
    if (n > 0 && (size_t)n < sizeof path && !is_missing(path)) {
      execve(path, argv, zone.environment);
      if (errno == EACCES) error = EACCES;
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) fail("execve", path);
    }
    if (directories[length] == '\0') break;
    directories += length + 1;
  }
  errno = error;
}

_Noreturn void exec_path(const struct op *op) {
  char **argv = argv_of(op, 0);
  zone.environment[zone.environment_count] = NULL;
  if (argv[0] == NULL || *argv[0] == '\0') fail_with(ENOENT, "execve", "", "there is no command");
  prepare(-1);
  if (strchr(argv[0], '/') != NULL) {
    execve(argv[0], argv, zone.environment);
  } else {
    exec_search(argv[0], argv);
  }
  fail("execve", argv[0]);
}

_Noreturn void exec_none(void) {
  if (!hand_send(zone.socket, HAND_EXEC)) fail("send", "");
  _exit(0);
}
