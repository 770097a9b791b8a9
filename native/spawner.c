/* The spawner's loop, see spawner.h. */
#include "spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "host.h"
#include "report.h"

enum { NODE_FD = 3, EVENTS = 32 };

static int epoll = -1;
static int node = -1; /* its pidfd */
static struct frame_input input;

void spawner_tell(enum frame_kind kind, uint32_t id, const char *bytes, size_t size) {
  if (!frame_write(NODE_FD, kind, id, bytes, size)) _exit(0);
}

bool spawner_watch(int fd, enum spawner_source source, uint32_t index) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)source << 32 | index};
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

void spawner_watch_write(int fd, enum spawner_source source, uint32_t index, bool wanted) {
  struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.u64 = (uint64_t)source << 32 | index};
  epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

void spawner_unwatch(int fd) {
  epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

int spawner_take_fd(int fd) {
  return (int)syscall(TZ_SYS_pidfd_getfd, node, fd, 0);
}

void spawner_leave(void) {
  frames_forget(&input);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *frame_token(const struct frame *frame, int n, const char **rest) {
  const char *at = frame->bytes;
  const char *end = frame->bytes + frame->size;
  for (;; n--) {
    const char *nul = memchr(at, '\0', (size_t)(end - at));
    if (nul == NULL) return NULL;
    *rest = nul + 1;
    if (n == 0) return at;
    at = nul + 1;
  }
}

static void obey(const struct frame *frame) {
  switch ((enum frame_kind)frame->kind) {
  case FRAME_LOCK:
    lock_begin(frame);
    break;
  case FRAME_CANCEL:
    lock_cancel(frame->id);
    break;
  case FRAME_LAUNCH:
    session_launch(frame);
    break;
  case FRAME_SEND:
    session_send(frame);
    break;
  case FRAME_PROGRAM:
    session_program(frame);
    break;
  case FRAME_CLOSE:
    session_close(frame->id);
    break;
  case FRAME_LISTEN:
    client_listen(frame);
    break;
  case FRAME_REPLY:
    client_reply(frame, false);
    break;
  case FRAME_LAST:
    client_reply(frame, true);
    break;
  case FRAME_TAKEN:
    session_taken(frame->id);
    break;
  case FRAME_READY:
  case FRAME_LOCKED:
  case FRAME_EVENT:
  case FRAME_CLOSED:
  case FRAME_EXITED:
  case FRAME_LISTENING:
  case FRAME_CLIENT:
  case FRAME_CLIENT_SIGNAL:
  case FRAME_CLIENT_GONE:
  case FRAME_PIPES:
  default:
    _exit(STATUS_FAILED);
  }
}

static void read_node(void) {
  if (!frames_read(NODE_FD, &input)) _exit(0);
  struct frame frame;
  bool broken = false;
  while (frames_next(&input, &frame, &broken)) obey(&frame);
  if (broken) _exit(STATUS_FAILED);
}

static void reap(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
  }
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (!lock_ended(pid, status)) session_ended(pid, status);
  }
}

static int make_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  /* Ctrl-C goes to the whole foreground group; it is for node to decide, and it says so by going away. */
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGQUIT);
  sigprocmask(SIG_SETMASK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* argv: the pid of the node that it belongs to. "READY" says whether node's descriptors can be had. */
int spawner_main(int argc, char **argv) {
  if (argc != 2 || getppid() != (pid_t)atoi(argv[1])) return STATUS_FAILED;
  host_execute_read_only(argv - 1);
  tz_close_range(NODE_FD + 1, ~0U, 0);
  fcntl(NODE_FD, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, "tszone-spawner");
  /* It keeps nobody's terminal, pipe or directory: what a helper is to have, it takes from node. */
  if (chdir("/") != 0) return STATUS_FAILED;
  int signals = make_signals();
  epoll = epoll_create1(EPOLL_CLOEXEC);
  node = tz_pidfd_open(getppid());
  if (signals < 0 || epoll < 0 || node < 0) return STATUS_FAILED;
  if (!spawner_watch(NODE_FD, SOURCE_NODE, 0) || !spawner_watch(signals, SOURCE_SIGNALS, 0)) return STATUS_FAILED;
  int one = spawner_take_fd(2);
  const char *can = one >= 0 || errno == EBADF ? "ok" : "no";
  if (one >= 0) close(one);
  spawner_tell(FRAME_READY, 0, can, strlen(can) + 1);
  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      uint32_t index = (uint32_t)events[i].data.u64;
      switch ((enum spawner_source)(events[i].data.u64 >> 32)) {
      case SOURCE_NODE:
        read_node();
        break;
      case SOURCE_SIGNALS:
        reap(signals);
        break;
      case SOURCE_SESSION:
        session_readable(index);
        break;
      case SOURCE_LISTENER:
        client_accept();
        break;
      case SOURCE_CLIENT:
        client_ready(index, (events[i].events & ~(uint32_t)EPOLLOUT) != 0, (events[i].events & EPOLLOUT) != 0);
        break;
      }
    }
  }
}
