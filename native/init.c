/* tszone-init: a zone's pid 1. Reaps, forwards signals to the main child, ends with its status. Static and tiny.
 *
 *   tszone-init --main PID    ends when PID, a child it inherited, ends: its status, or 128+n for signal n
 *   tszone-init               idles until told to shut down, then ends every other process first
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_MS = 2000, SIGRTMIN_KERNEL = 32 };

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

static pid_t main_pid;
static int main_status = -1;

static void reap(void) {
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return;
    if (pid != main_pid) continue;
    main_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    main_pid = 0;
  }
}

static int is_shutdown(int number) {
  /* systemd's manager signals for halt, poweroff and reboot are RTMIN+3, +4 and +5, RTMIN being the libc's 34. */
  return number == SIGTERM || number == SIGINT || number == SIGPWR ||
         (number >= SIGRTMIN_KERNEL + 2 + 3 && number <= SIGRTMIN_KERNEL + 2 + 5);
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* TERM to everyone (and CONT: a stopped process would never see it), a moment, then the kernel kills the rest with us.
 */
static void shut_down(const sigset_t *mask) {
  kill(-1, SIGTERM);
  kill(-1, SIGCONT);
  long deadline = now_ms() + GRACE_MS;
  for (;;) {
    reap();
    if (kill(-1, 0) != 0 && errno == ESRCH) return;
    long left = deadline - now_ms();
    if (left <= 0) return;
    if (left > 50) left = 50;
    struct timespec wait = {0, left * 1000000};
    sigtimedwait(mask, NULL, &wait);
  }
}

static void forward(int number) {
  if (main_pid == 0) return;
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
    if (forwarded[i] == number) kill(main_pid, number);
  }
}

int main(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i++) {
    if (strcmp(argv[i], "--main") == 0) main_pid = (pid_t)atoi(argv[i + 1]);
  }
  /* Blocked signals are kept for sigwait even for pid 1, to which the kernel otherwise drops unhandled ones. */
  sigset_t mask;
  sigfillset(&mask);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  const int has_main = main_pid != 0;
  for (;;) {
    reap();
    if (has_main && main_pid == 0) return main_status;
    siginfo_t info;
    int number = sigwaitinfo(&mask, &info);
    if (number < 0 || number == SIGCHLD) continue;
    if (has_main) {
      forward(number);
    } else if (is_shutdown(number)) {
      shut_down(&mask);
      return 0;
    }
  }
}
