/* The set of descriptors of one poll(2), rebuilt each turn. */
#ifndef TSZONE_POLLER_H
#define TSZONE_POLLER_H

#include <poll.h>

enum { POLLER_MAX = 1100 };

struct poller {
  struct pollfd fds[POLLER_MAX];
  int count;
};

/* The place in the set, or -1 for a negative fd, no events or a full set. */
int poller_add(struct poller *poller, int fd, int events);
/* What poll said of that place; 0 for -1. An error or hang-up also counts as readable and writable. */
int poller_got(const struct poller *poller, int place);
/* Waits; timeout in ms, -1 = for ever. */
void poller_wait(struct poller *poller, int timeout_ms);

#endif
