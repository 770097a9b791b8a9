/* Mode `lock`, see lock.h. */
#include "lock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/time.h>

static void on_alarm(int number) {
  (void)number;
}

int lock_main(int argc, char **argv) {
  if (argc != 2) return LOCK_FAILED;
  char *end = NULL;
  double seconds = strtod(argv[1], &end);
  if (end == argv[1] || *end != '\0' || seconds < 0 || seconds > 1e9) return LOCK_FAILED;

  return lock_wait(LOCK_FD, seconds);
}

int lock_wait(int fd, double seconds) {
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return 0;
  if (errno != EWOULDBLOCK) return LOCK_FAILED;
  if (seconds == 0) return LOCK_BUSY;

  /* A waiter must not outlive the node that wanted the lock. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  /* No SA_RESTART: the alarm has to interrupt flock. The interval repeats it, should the first one come too early. */
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval timer = {.it_interval = {0, 50000}};
  timer.it_value.tv_sec = (time_t)seconds;
  timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6) + 1;
  if (timer.it_value.tv_usec > 999999) timer.it_value.tv_usec = 999999;
  setitimer(ITIMER_REAL, &timer, NULL);
  if (flock(fd, LOCK_EX) == 0) return 0;
  return errno == EINTR ? LOCK_BUSY : LOCK_FAILED;
}
