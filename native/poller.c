/* The set of descriptors of one poll(2), see poller.h. */
#include "poller.h"

#include <stddef.h>

int poller_add(struct poller *poller, int fd, int events) {
  if (fd < 0 || events == 0 || poller->count == POLLER_MAX) return -1;
  poller->fds[poller->count] = (struct pollfd){.fd = fd, .events = (short)events};
  return poller->count++;
}

int poller_got(const struct poller *poller, int place) {
  if (place < 0) return 0;
  int got = poller->fds[place].revents;
  if ((got & (POLLERR | POLLHUP | POLLNVAL)) != 0) got |= poller->fds[place].events;
  return got;
}

void poller_wait(struct poller *poller, int timeout_ms) {
  if (poll(poller->fds, (nfds_t)poller->count, timeout_ms) > 0) return;
  for (int i = 0; i < poller->count; i++) poller->fds[i].revents = 0;
}
