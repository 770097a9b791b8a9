/* A program between us and descriptor 0 or 1: a compressor, or the packer of what we unpack. */
#include "unpack_through.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "unpack_report.h"

enum { NOBODY = 65534 };

static pid_t child = -1;

void unpack_through_add(struct unpack_through *through, const char *word) {
  if (through->count == UNPACK_MAX_WORDS) unpack_die(E2BIG, "too many --through", word);
  through->words[through->count++] = word;
}

void unpack_die_with_parent(const char *pid) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* It may have died before. */
  if (getppid() != (pid_t)strtol(pid, NULL, 10)) _exit(1);
}

static void become_nobody(void) {
  if (unshare(CLONE_NEWNET | CLONE_NEWIPC) < 0) unpack_die(errno, "unshare", "");
  if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
    unpack_die(errno, "become nobody", "");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) unpack_die(errno, "no_new_privs", "");
}

/*
 * Nobody's processes get no signal from one of root's that has no CAP_KILL, not even the one of its death. So one of
 * them watches: it ends the program when nobody is left who reads what comes out of it.
 */
static _Noreturn void keep(pid_t program, int end) {
  struct pollfd watched[2] = {{.fd = end}, {.fd = tz_pidfd_open(program), .events = POLLIN}};
  int status;

  while (watched[1].fd >= 0 && poll(watched, 2, -1) < 0 && errno == EINTR) continue;
  if (watched[1].fd < 0 || watched[0].revents != 0) kill(program, SIGKILL);
  if (waitpid(program, &status, 0) != program) _exit(1);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static _Noreturn void run(const struct unpack_through *through, const int ends[2], int ours, pid_t parent) {
  const int at = ours == 0 ? STDOUT_FILENO : STDIN_FILENO, end = ends[at];
  pid_t program = 0;
  static char *const no_environment[] = {NULL};

  close(ends[ours]);
  if (through->nobody) become_nobody();
  /* Behind that: it is lost with other credentials. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (through->nobody && at == STDOUT_FILENO) program = fork();
  if (program < 0) unpack_die(errno, "fork", "");
  if (program > 0) keep(program, end);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (dup2(end, at) < 0) _exit(1);
  tz_close_range(3, ~0u, 0);
  execve(through->words[0], (char *const *)(uintptr_t)through->words, no_environment);
  unpack_die(errno, "execute", through->words[0]);
}

void unpack_through_start(const struct unpack_through *through, int ours) {
  int ends[2];
  pid_t parent = getpid();

  if (through->count == 0) return;
  if (pipe2(ends, O_CLOEXEC) < 0) unpack_die(errno, "pipe", "");
  /* Of the kernel's own size: in a larger one each stage runs for long and then waits long for its turn on a busy machine. */
  child = fork();
  if (child < 0) unpack_die(errno, "fork", "");
  if (child == 0) run(through, ends, ours, parent);
  if (dup2(ends[ours], ours) < 0) unpack_die(errno, "dup2", "");
  close(ends[0]);
  close(ends[1]);
}

void unpack_through_end(int ours) {
  int status;
  pid_t ended;

  if (child < 0) return;
  if (ours == 1) close(STDOUT_FILENO);
  do ended = waitpid(child, &status, 0);
  while (ended < 0 && errno == EINTR);
  if (ended != child || status != 0) unpack_die(0, "the program in between has failed", "");
}
