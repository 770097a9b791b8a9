/* Helpers that the spawner forks for node, see spawner.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "launch.h"
#include "report.h"
#include "rights.h"
#include "spawner.h"
#include "subvolume.h"

struct session {
  pid_t pid; /* 0: a free place */
  uint32_t id;
  int fd; /* the other end of its fd 4; -1: closed */
};

static struct session *sessions;
static uint32_t count;

/* Pipes that node has not opened yet, both ends: until then neither it nor the helper finds the other gone. */
struct offer {
  struct offer *next;
  uint32_t id;
  int ends[3][2];
};

static struct offer *offers;

static struct session *find(uint32_t id) {
  for (uint32_t i = 0; i < count; i++) {
    if (sessions[i].pid != 0 && sessions[i].id == id) return &sessions[i];
  }
  return NULL;
}

static struct session *free_place(void) {
  for (uint32_t i = 0; i < count; i++) {
    if (sessions[i].pid == 0) return &sessions[i];
  }
  uint32_t more = count == 0 ? 16 : count * 2;
  struct session *grown = realloc(sessions, more * sizeof *sessions);
  if (grown == NULL) return NULL;
  memset(grown + count, 0, (more - count) * sizeof *grown);
  sessions = grown;
  struct session *place = &sessions[count];
  count = more;
  return place;
}

static void drop_offer(struct offer *offer) {
  for (int i = 0; i < 6; i++) {
    if (offer->ends[i / 2][i % 2] >= 0) close(offer->ends[i / 2][i % 2]);
  }
  free(offer);
}

void session_taken(uint32_t id) {
  for (struct offer **at = &offers; *at != NULL; at = &(*at)->next) {
    struct offer *offer = *at;
    if (offer->id != id) continue;
    *at = offer->next;
    return drop_offer(offer);
  }
}

static struct offer *make_offer(uint32_t id) {
  struct offer *offer = malloc(sizeof *offer);
  if (offer != NULL) *offer = (struct offer){NULL, id, {{-1, -1}, {-1, -1}, {-1, -1}}};
  return offer;
}

/* Node's ends, as their numbers here. */
static void tell_offer(struct offer *offer) {
  char text[64];
  int length = 0;
  bool is_empty = offer->ends[0][0] < 0 && offer->ends[1][0] < 0 && offer->ends[2][0] < 0;
  if (is_empty) return drop_offer(offer);
  for (int i = 0; i < 3; i++) {
    int end = offer->ends[i][i == 0 ? 1 : 0];
    if (end >= 0) length += snprintf(text + length, sizeof text - (size_t)length, "%d", end);
    text[length++] = '\0';
  }
  offer->next = offers;
  offers = offer;
  spawner_tell(FRAME_PIPES, offer->id, text, (size_t)length);
}

/* "N" is node's descriptor, "ID:N" a client's, "|" a pipe to node (if there is an offer), "" is nothing. */
static int open_stdio(const char *from, int fd, struct offer *offer) {
  if (strcmp(from, "|") == 0) {
    if (offer == NULL) return -1;
    int *ends = offer->ends[fd];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    return fcntl(ends[fd == 0 ? 0 : 1], F_DUPFD_CLOEXEC, 3);
  }
  const char *colon = strchr(from, ':');
  if (colon != NULL) return client_take_fd((uint32_t)strtoul(from, NULL, 10), atoi(colon + 1));
  return *from == '\0' ? open("/dev/null", O_RDWR | O_CLOEXEC) : spawner_take_fd(atoi(from));
}

/* The plan is the words; what it has to say goes to fd 4, instead of 2. */
_Noreturn static void subvolume_forked(const struct plan *plan) {
  enum { WORDS = 6 };
  char *words[WORDS + 1] = {"subvolume"};
  int count_of_words = 1;
  for (char *at = plan->base; at < plan->base + plan->length && count_of_words < WORDS; at += strlen(at) + 1)
    words[count_of_words++] = at;
  if (dup2(EVENT_FD, STDERR_FILENO) < 0) _exit(STATUS_FAILED);
  _exit(subvolume_main(count_of_words, words));
}

struct kind {
  const char *mode, *process;
  void (*run)(const struct plan *plan);
};

static const struct kind *find_kind(const char *mode) {
  static const struct kind kinds[] = {
      {"launch", "tszone-monitor", launch_forked},
      {"enter", "tszone-exec", enter_forked},
      {"subvolume", "tszone-step", subvolume_forked},
  };
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (strcmp(kinds[i].mode, mode) == 0) return &kinds[i];
  }
  errno = EINVAL;
  return NULL;
}

/* Everything is moved above the numbers that it is to have, and then down; what is left of the spawner is closed. */
_Noreturn static void become_helper(const struct kind *kind, const int stdio[3], int socket, struct plan *plan) {
  enum { FREE = 5 };
  int from[FREE] = {stdio[0], stdio[1], stdio[2], open("/dev/null", O_RDONLY | O_CLOEXEC), socket};
  for (int i = 0; i < FREE; i++) {
    from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, FREE);
    if (from[i] < 0) _exit(STATUS_FAILED);
  }
  for (int i = 0; i < FREE; i++) {
    if (dup2(from[i], i) < 0) _exit(STATUS_FAILED);
  }
  tz_close_range(FREE, ~0U, 0);
  fcntl(3, F_SETFD, FD_CLOEXEC);
  fcntl(EVENT_FD, F_SETFD, FD_CLOEXEC);
  spawner_leave();
  free(sessions);
  prctl(PR_SET_NAME, kind->process);
  kind->run(plan);
  _exit(STATUS_FAILED);
}

static void give_up(uint32_t id, int error) {
  char line[160];
  int n = snprintf(line, sizeof line,
                   "{\"event\":\"error\",\"step\":\"start\",\"op\":-1,\"syscall\":\"fork\",\"errno\":%d,\"path\":\"\","
                   "\"message\":\"the helper could not be forked\"}\n",
                   error);
  spawner_tell(FRAME_EVENT, id, line, (size_t)n);
  spawner_tell(FRAME_CLOSED, id, "", 0);
  spawner_tell(FRAME_EXITED, id, "125", 4);
}

static bool begin(const struct frame *frame, const int stdio[3], const char *text) {
  const struct kind *kind = find_kind(frame->bytes);
  size_t length = (size_t)(frame->bytes + frame->size - text);
  struct session *place = free_place();
  int ends[2];
  struct plan plan;
  if (kind == NULL || place == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  if (!plan_copy(&plan, text, length)) {
    close(ends[0]);
    close(ends[1]);
    errno = ENOMEM;
    return false;
  }
  pid_t pid = fork();
  if (pid == 0) become_helper(kind, stdio, ends[1], &plan);
  int error = errno;
  plan_forget(&plan);
  close(ends[1]);
  *place = (struct session){pid > 0 ? pid : 0, frame->id, ends[0]};
  if (pid > 0 && spawner_watch(ends[0], SOURCE_SESSION, (uint32_t)(place - sessions))) return true;
  if (pid > 0) error = errno;
  if (pid > 0) kill(pid, SIGKILL);
  close(ends[0]);
  place->pid = 0;
  errno = error;
  return false;
}

void session_launch(const struct frame *frame) {
  const char *rest = NULL;
  int stdio[3] = {-1, -1, -1};
  struct offer *offer = make_offer(frame->id);
  bool good = offer != NULL;
  for (int i = 0; good && i < 3; i++) {
    const char *from = frame_token(frame, i + 1, &rest);
    stdio[i] = from == NULL ? -1 : open_stdio(from, i, offer);
    good = stdio[i] >= 0;
  }
  good = good && begin(frame, stdio, rest);
  int error = errno;
  if (good)
    tell_offer(offer);
  else if (offer != NULL)
    drop_offer(offer);
  if (!good) give_up(frame->id, error);
  for (int i = 0; i < 3; i++) {
    if (stdio[i] >= 0) close(stdio[i]);
  }
}

void session_send(const struct frame *frame) {
  const struct session *session = find(frame->id);
  /* A helper that is gone needs no word any more; one that does not read has room for what little is said to it. */
  if (session != NULL && session->fd >= 0) send(session->fd, frame->bytes, frame->size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void close_session(struct session *session) {
  if (session->fd < 0) return;
  spawner_unwatch(session->fd);
  close(session->fd);
  session->fd = -1;
}

void session_close(uint32_t id) {
  struct session *session = find(id);
  if (session != NULL) close_session(session);
}

static void end_session(struct session *session) {
  if (session->fd < 0) return;
  close_session(session);
  spawner_tell(FRAME_CLOSED, session->id, "", 0);
}

/* A helper that cannot be told has its fd 4 closed: it then takes back what it has made. */
void session_program(const struct frame *frame) {
  struct session *session = find(frame->id);
  if (session == NULL || session->fd < 0) return;
  int stdio[3] = {-1, -1, -1};
  const char *rest = frame->bytes;
  bool good = true;
  for (int i = 0; i < 3 && good; i++) {
    const char *from = frame_token(frame, i, &rest);
    stdio[i] = from == NULL ? -1 : open_stdio(from, i, NULL);
    good = stdio[i] >= 0;
  }
  struct iovec part = {(void *)(size_t)rest, (size_t)(frame->bytes + frame->size - rest)};
  good = good && rights_send(session->fd, &part, 1, stdio, 3, MSG_DONTWAIT) == (ssize_t)part.iov_len;
  for (int i = 0; i < 3; i++) {
    if (stdio[i] >= 0) close(stdio[i]);
  }
  if (!good) end_session(session);
}

/* False if there is nothing to be read now. */
static bool session_take(struct session *session) {
  char bytes[4096];
  ssize_t n = recv(session->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n < 0 && errno == EINTR) return true;
  if (n < 0 && errno == EAGAIN) return false;
  if (n > 0)
    spawner_tell(FRAME_EVENT, session->id, bytes, (size_t)n);
  else
    end_session(session);
  return true;
}

void session_readable(uint32_t index) {
  struct session *session = &sessions[index];
  if (session->pid != 0 && session->fd >= 0) session_take(session);
}

void session_ended(pid_t pid, int status) {
  for (uint32_t i = 0; i < count; i++) {
    struct session *session = &sessions[i];
    if (session->pid != pid) continue;
    /* What it said last comes before its end; its child, which may be dying still, has nothing to say there. */
    while (session->fd >= 0 && session_take(session)) {
    }
    end_session(session);
    char text[16];
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    int n = snprintf(text, sizeof text, "%d", code);
    session->pid = 0;
    spawner_tell(FRAME_EXITED, session->id, text, (size_t)n + 1);
  }
}
