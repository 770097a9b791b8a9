/* The host side's loop from the clone to the zone's end: first the launch's exchange, then the monitor. */
#ifndef TSZONE_MONITOR_H
#define TSZONE_MONITOR_H

#include "host.h"
#include "plan.h"

struct launch {
  struct plan *plan;
  struct stdio *stdio;
  pid_t pid;
  int pidfd;
  int socket;  /* our end of the pair */
  int signals; /* signalfd */
  int lock;    /* -1: none */
};

/* Does not return: exits with the zone's status, or fail()s. */
_Noreturn void monitor_run(struct launch *launch);

#endif
