/* Copies bytes from one descriptor to another without ever blocking on either (but see pump_drain), and shows them to
 * the log. */
#ifndef TSZONE_PUMP_H
#define TSZONE_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "poller.h"

enum { PUMP_BYTES = 8192 };

struct pump {
  int from;      /* -1: done */
  int to;        /* -1: what is read is thrown away */
  bool close_to; /* at the end of `from`, or when `to` refuses */
  bool stop;     /* when `to` refuses, stop reading too (a stdin); otherwise reading goes on (a stdout) */
  void (*observe)(int stream, const char *bytes, size_t length); /* may be NULL */
  int stream;
  size_t start, end;
  int place_from, place_to;
  char bytes[PUMP_BYTES];
};

void pump_init(struct pump *pump, int from, int to);
void pump_watch(struct pump *pump, struct poller *poller);
void pump_work(struct pump *pump, const struct poller *poller);
/* Copies what is there to be read (`from` is non-blocking) and returns; waits for `to` only if `block`. */
void pump_drain(struct pump *pump, bool block);
/* Moves what it has and what can be read now into the buffer, and returns how much that is (none without a `to`: then it is
 * only shown to the log). Reads at most `size`, which has to have PUMP_BYTES more than there may be. */
size_t pump_take(struct pump *pump, char *buffer, size_t size);
/* As write(2), but it never blocks on a descriptor that poll called writable. */
ssize_t pump_write(int fd, const char *bytes, size_t length);
/* From now on there is no `to`. */
void pump_cut(struct pump *pump);

#endif
