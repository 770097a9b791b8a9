/* Copying between descriptors, see pump.h. */
#include "pump.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* poll's "writable" promises room for this much in a pipe. */
enum { PIPE_CHUNK = 4096 };
/* The most that a pipe holds without privileges (fs.pipe-max-size). */
enum { DRAIN_BYTES = 1024 * 1024 };

void pump_init(struct pump *pump, int from, int to) {
  pump->from = from;
  pump->to = to;
  pump->start = pump->end = 0;
  pump->place_from = pump->place_to = -1;
}

void pump_cut(struct pump *pump) {
  if (pump->to >= 0 && pump->close_to) close(pump->to);
  pump->to = -1;
  pump->start = pump->end = 0;
  if (pump->stop) pump->from = -1;
}

void pump_watch(struct pump *pump, struct poller *poller) {
  bool full = pump->start < pump->end;
  pump->place_from = full ? -1 : poller_add(poller, pump->from, POLLIN);
  pump->place_to = full ? poller_add(poller, pump->to, POLLOUT) : -1;
}

/* False if there is nothing to read now. */
static bool fill(struct pump *pump) {
  ssize_t n = read(pump->from, pump->bytes, sizeof pump->bytes);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) {
    /* EIO is a pty without slaves. */
    pump->from = -1;
    if (pump->close_to && pump->to >= 0) {
      close(pump->to);
      pump->to = -1;
    }
    return false;
  }
  if (pump->observe != NULL) pump->observe(pump->stream, pump->bytes, (size_t)n);
  pump->start = 0;
  pump->end = (size_t)n;
  if (pump->to < 0) pump->start = pump->end;
  return true;
}

ssize_t pump_write(int fd, const char *bytes, size_t length) {
  ssize_t n = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n >= 0 || errno != ENOTSOCK) return n;
  return write(fd, bytes, length < PIPE_CHUNK ? length : PIPE_CHUNK);
}

static void empty(struct pump *pump) {
  ssize_t n = pump_write(pump->to, pump->bytes + pump->start, pump->end - pump->start);
  if (n >= 0) {
    pump->start += (size_t)n;
  } else if (errno != EAGAIN && errno != EINTR) {
    pump_cut(pump);
  }
}

void pump_work(struct pump *pump, const struct poller *poller) {
  if (poller_got(poller, pump->place_from) != 0 && fill(pump) && pump->end > pump->start) {
    struct pollfd out = {.fd = pump->to, .events = POLLOUT};
    if (poll(&out, 1, 0) > 0) empty(pump);
  } else if (poller_got(poller, pump->place_to) != 0) {
    empty(pump);
  }
}

void pump_drain(struct pump *pump, bool block) {
  /* A process that the command left behind may write for ever. */
  for (size_t left = DRAIN_BYTES;; left -= left < pump->end ? left : pump->end) {
    while (pump->start < pump->end) {
      struct pollfd out = {.fd = pump->to, .events = POLLOUT};
      int ready = poll(&out, 1, block ? -1 : 0);
      if (ready == 0) return;
      if (ready > 0) empty(pump);
    }
    if (left == 0 || pump->from < 0 || !fill(pump)) return;
  }
}

size_t pump_take(struct pump *pump, char *buffer, size_t size) {
  size_t taken = 0;
  for (size_t left = size; left >= sizeof pump->bytes; left -= pump->end) {
    size_t length = pump->end - pump->start;
    memcpy(buffer + taken, pump->bytes + pump->start, length);
    taken += length;
    pump->start = pump->end;
    if (pump->from < 0 || !fill(pump)) break;
  }
  return taken;
}
