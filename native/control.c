/* fd 4, parent → helper, see control.h. */
#include "control.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compat.h"
#include "late.h"
#include "report.h"

static char input[256];
static size_t input_length;
static bool claimed;
static bool tied;
static unsigned long long sent;

static void act(const char *line, const struct control_target *target, struct control_words *words) {
  int number;
  unsigned rows;
  unsigned columns;
  long long bytes;
  if (strcmp(line, "go") == 0) {
    words->go = true;
  } else if (strcmp(line, "hold") == 0) {
    words->hold = true;
  } else if (strcmp(line, "claim") == 0) {
    claimed = true;
  } else if (strcmp(line, "tie") == 0) {
    tied = true;
  } else if (sscanf(line, "program %lld", &bytes) == 1) {
    late_begin(bytes);
  } else if (sscanf(line, "signal %d", &number) == 1) {
    bool is_sent = target->pidfd >= 0 && tz_pidfd_send_signal(target->pidfd, number) == 0;
    if (is_sent && number > 0) sent |= 1ULL << (number - 1);
  } else if (sscanf(line, "winsize %u %u", &rows, &columns) == 2 && rows <= USHRT_MAX && columns <= USHRT_MAX) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    if (target->master >= 0) ioctl(target->master, TIOCSWINSZ, &size);
  }
}

static void forget(size_t used) {
  input_length -= used;
  memmove(input, input + used, input_length);
}

bool control_read(const struct control_target *target, struct control_words *words) {
  bool taken;
  ssize_t n = late_read(input + input_length, sizeof input - input_length, &taken);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) return false;
  if (taken) input_length += (size_t)n;
  char *newline;
  while ((newline = memchr(input, '\n', input_length)) != NULL) {
    *newline = '\0';
    act(input, target, words);
    forget((size_t)(newline - input) + 1);
    forget(late_take(input, input_length));
  }
  /* No line is this long: forget it. */
  if (input_length == sizeof input) input_length = 0;
  return true;
}

bool control_is_claimed(void) {
  return claimed;
}

bool control_is_tied(void) {
  return tied;
}

bool control_has_sent(int number) {
  return number > 0 && (sent >> (number - 1) & 1) != 0;
}

void control_forward_signals(int signal_fd, int pidfd) {
  struct signalfd_siginfo info;
  while (read(signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
    if (pidfd >= 0) tz_pidfd_send_signal(pidfd, (int)info.ssi_signo);
  }
}
