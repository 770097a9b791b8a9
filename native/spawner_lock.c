/* flock(2) on descriptors of node's, see spawner.h. The lock belongs to the open file description, so it is node's own:
 * held until node closes it or dies, whatever becomes of the spawner. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "lock.h"
#include "process.h"
#include "spawner.h"

/* One process a lock that is waited for: flock has no time limit, and waiters are served in their order. */
struct waiter {
  pid_t pid;
  uint32_t id;
};

static struct waiter *waiters;
static int count, room;

static void answer(uint32_t id, int error) {
  char text[16];
  const char *word = error == 0 ? "ok" : error == EWOULDBLOCK ? "busy" : text;
  snprintf(text, sizeof text, "%d", error);
  spawner_tell(FRAME_LOCKED, id, word, strlen(word) + 1);
}

static bool remember(pid_t pid, uint32_t id) {
  if (count == room) {
    int more = room == 0 ? 16 : room * 2;
    struct waiter *grown = realloc(waiters, (size_t)more * sizeof *waiters);
    if (grown == NULL) return false;
    waiters = grown;
    room = more;
  }
  waiters[count++] = (struct waiter){pid, id};
  return true;
}

static void wait_for(uint32_t id, int fd, double seconds) {
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    spawner_leave();
    /* Sessions must see the end of what it has copies of. */
    if (dup2(fd, LOCK_FD) < 0 || tz_close_range(LOCK_FD + 1, ~0U, 0) != 0) _exit(LOCK_FAILED);
    _exit(lock_wait(LOCK_FD, seconds));
  }
  if (pid > 0 && !remember(pid, id)) {
    int number;
    kill(pid, SIGKILL);
    process_reap(pid, &number);
    pid = -1;
    errno = ENOMEM;
  }
  if (pid < 0) answer(id, errno);
}

void lock_begin(const struct frame *frame) {
  const char *rest;
  const char *number = frame_token(frame, 0, &rest);
  const char *wait = frame_token(frame, 1, &rest);
  if (number == NULL || wait == NULL) return answer(frame->id, EINVAL);
  int fd = spawner_take_fd(atoi(number));
  if (fd < 0) return answer(frame->id, errno);
  double seconds = strtod(wait, NULL) / 1000;
  int error = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
  if (error == EWOULDBLOCK && seconds > 0) {
    wait_for(frame->id, fd, seconds);
    close(fd);
    return;
  }
  /* First: a copy that is still open would hold the lock when node, which has the answer, has closed its own. */
  close(fd);
  answer(frame->id, error);
}

void lock_cancel(uint32_t id) {
  for (int i = 0; i < count; i++) {
    if (waiters[i].id == id) kill(waiters[i].pid, SIGKILL);
  }
}

bool lock_ended(pid_t pid, int status) {
  for (int i = 0; i < count; i++) {
    if (waiters[i].pid != pid) continue;
    uint32_t id = waiters[i].id;
    waiters[i] = waiters[--count];
    if (WIFSIGNALED(status) || WEXITSTATUS(status) == LOCK_BUSY)
      answer(id, EWOULDBLOCK);
    else
      answer(id, WEXITSTATUS(status) == 0 ? 0 : EIO);
    return true;
  }
  return false;
}
