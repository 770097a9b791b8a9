/* The process that makes an exec's own: it enters the zone's namespaces, clones the command's process as its parent's
 * child, and ends, so that no process of ours stays inside. */
#ifndef TSZONE_WORKER_H
#define TSZONE_WORKER_H

#include <sys/types.h>

#include "host.h"
#include "plan.h"

struct worker {
  const struct plan *plan;
  const struct stdio *stdio;
  int control; /* not for the zone: closed there; -1: none */
  int target;  /* the pidfd of the zone's pid 1 */
  int into;    /* v2: the group that the command's process is made in; -1: none */
  int socket;  /* to the host side */
};

/* The worker's pid, to be reaped; fail()s. What the worker made it tells on the socket. */
pid_t worker_run(const struct worker *worker);

#endif
