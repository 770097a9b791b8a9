/* What is left for the caller, see rest.h. */
#include "rest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "control.h"
#include "report.h"

/* What a pipe holds if it does not say: fs.pipe-max-size. */
enum { FALLBACK_BYTES = 1024 * 1024 };

void rest_take(struct rest *rest, struct pump *pump) {
  int held = pump->from < 0 ? 0 : fcntl(pump->from, F_GETPIPE_SZ);
  size_t size = (held < 0 ? FALLBACK_BYTES : (size_t)held) + 2 * sizeof pump->bytes;
  *rest = (struct rest){.to = pump->to};
  /* Only the pages that are written to become real. */
  char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) {
    pump_drain(pump, false);
    return;
  }
  rest->bytes = bytes;
  rest->end = pump_take(pump, bytes, size);
}

static void give(struct rest *rest) {
  ssize_t n = pump_write(rest->to, rest->bytes + rest->start, rest->end - rest->start);
  if (n > 0) rest->start += (size_t)n;
  if (n < 0 && errno != EAGAIN && errno != EINTR) rest->to = -1;
}

bool rest_give_now(struct rest rests[], int count) {
  bool all = true;
  for (int i = 0; i < count; i++) {
    struct pollfd reader = {.fd = rests[i].to, .events = POLLOUT};
    if (rests[i].start < rests[i].end && poll(&reader, 1, 0) > 0) give(&rests[i]);
    all = all && (rests[i].to < 0 || rests[i].start == rests[i].end);
  }
  return all;
}

bool rest_give(struct rest rests[], int count, int signals) {
  static const struct control_target nothing = {.pidfd = -1, .master = -1};
  for (;;) {
    struct poller poller;
    poller.count = 0;
    int places[2];
    for (int i = 0; i < count; i++) {
      places[i] = rests[i].start < rests[i].end ? poller_add(&poller, rests[i].to, POLLOUT) : -1;
    }
    if (poller.count == 0) return true;
    int at_caller = poller_add(&poller, EVENT_FD, POLLIN);
    int at_signals = poller_add(&poller, signals, POLLIN);
    poller_wait(&poller, -1);
    for (int i = 0; i < count; i++) {
      if (poller_got(&poller, places[i]) != 0) give(&rests[i]);
    }
    struct control_words words = {false, false};
    if (poller_got(&poller, at_caller) != 0 && !control_read(&nothing, &words)) return false;
    if (poller_got(&poller, at_signals) != 0) return true;
  }
}
