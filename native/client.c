/* Hands a command line to the warm engine, see client.h. */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dial.h"
#include "frames.h"
#include "report.h"
#include "rights.h"

extern char **environ;

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH};

/* Tokens one after the other. */
struct text {
  char *bytes;
  size_t length, size;
};

static void put(struct text *text, const char *token) {
  size_t length = strlen(token) + 1;
  if (text->length + length > text->size) {
    text->size = (text->length + length) * 2;
    text->bytes = realloc(text->bytes, text->size);
    if (text->bytes == NULL) _exit(STATUS_FAILED);
  }
  memcpy(text->bytes + text->length, token, length);
  text->length += length;
}

static void put_number(struct text *text, int number) {
  char digits[16];
  snprintf(digits, sizeof digits, "%d", number);
  put(text, digits);
}

static struct text make_request(int argc, char **argv) {
  struct text text = {malloc(16384), 0, 16384};
  char cwd[PATH_MAX];
  if (text.bytes == NULL) _exit(STATUS_FAILED);
  put(&text, CLIENT_VERSION);
  put(&text, getcwd(cwd, sizeof cwd) == NULL ? "/" : cwd);
  for (int fd = 0; fd <= 2; fd++) put_number(&text, isatty(fd));
  put_number(&text, argc - 1);
  for (int i = 1; i < argc; i++) put(&text, argv[i]);
  for (char **variable = environ; *variable != NULL; variable++) put(&text, *variable);
  return text;
}

static bool send_request(int socket, const struct text *request) {
  int fds[3] = {0, 1, 2};
  struct frame_head head = {(uint32_t)request->length, 0, CLIENT_REQUEST};
  struct iovec parts[2] = {{&head, sizeof head}, {request->bytes, request->length}};
  ssize_t n = rights_send(socket, parts, 2, fds, 3, 0);
  if (n < (ssize_t)sizeof head) return false;
  for (size_t done = (size_t)n - sizeof head; done < request->length; done += (size_t)n) {
    n = send(socket, request->bytes + done, request->length - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
  }
  return true;
}

static void write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      struct pollfd ready = {fd, POLLOUT, 0};
      poll(&ready, 1, -1);
      continue;
    }
    /* Nobody reads any more: the command goes on, as it would under node. */
    if (n <= 0) return;
    bytes += n;
    size -= (size_t)n;
  }
}

static int watch_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) sigaddset(&set, forwarded[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Those that the engine was told of. */
static sigset_t told;

static void forward(int signals, int socket) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    char number[16];
    sigaddset(&told, (int)info.ssi_signo);
    int n = snprintf(number, sizeof number, "%u", info.ssi_signo);
    frame_write(socket, CLIENT_SIGNAL, 0, number, (size_t)n + 1);
  }
}

/* The exit status, -1: declined, -2: goes on. */
static int take(const struct frame *frame) {
  switch ((enum client_frame)frame->kind) {
  case CLIENT_ACCEPT:
    return -2;
  case CLIENT_STDOUT:
    write_all(1, frame->bytes, frame->size);
    return -2;
  case CLIENT_STDERR:
    write_all(2, frame->bytes, frame->size);
    return -2;
  case CLIENT_EXIT:
    return frame->size > 0 ? atoi(frame->bytes) : STATUS_FAILED;
  case CLIENT_DECLINE:
    return -1;
  case CLIENT_REQUEST:
  case CLIENT_SIGNAL:
  default:
    return STATUS_FAILED;
  }
}

static int converse(int socket, int signals, bool *answered) {
  struct frame_input input = {NULL, 0, 0, 0};
  for (;;) {
    struct pollfd fds[2] = {{socket, POLLIN, 0}, {signals, POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[1].revents != 0) forward(signals, socket);
    if (fds[0].revents == 0) continue;
    if (!frames_read(socket, &input)) return -3;
    struct frame frame;
    bool broken = false;
    while (frames_next(&input, &frame, &broken)) {
      int result = take(&frame);
      if (result != -2) return result;
      *answered = true;
    }
    if (broken) return -3;
  }
}

/* It has done nothing with them: blocked until the mask is restored (handover.c), they come then as if there were no engine. */
static void take_signals_back(void) {
  for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; i++) {
    if (sigismember(&told, forwarded[i]) == 1) kill(getpid(), forwarded[i]);
  }
}

int client_run(const char *socket_path, int argc, char **argv, bool *is_there) {
  int socket = dial(socket_path);
  *is_there = socket >= 0;
  if (socket < 0) return -1;
  sigemptyset(&told);
  int signals = watch_signals();
  struct text request = make_request(argc, argv);
  if (!send_request(socket, &request)) return -1;
  bool answered = false;
  int result = converse(socket, signals, &answered);
  /* Not accepted: nothing was done. */
  if (result == -1 || (result == -3 && !answered)) {
    take_signals_back();
    return -1;
  }
  if (result != -3) return result;
  static const char lost[] = "error: the engine ended before the command did\nhint: Look at what it has done, then "
                             "repeat the command: the next one finishes or takes back what is half done.\n";
  write_all(2, lost, sizeof lost - 1);
  return STATUS_FAILED;
}
