/* One exec in a zone, from the plan to the command's exit status. */
#ifndef TSZONE_ATTEND_H
#define TSZONE_ATTEND_H

#include "plan.h"

/* For whom: node behind fd 4 (enter.c), or this process itself (entry.c). */
struct caller {
  int control; /* where orders come from, and whose end means that the caller is gone; -1: nowhere */
  /* The group is there, and nothing in it yet: from here on a killed caller leaves something behind. */
  void (*begins)(void);
  void (*started)(void);
  void (*ending)(void); /* the command has ended; what it left behind lives on */
  /* The last call: the process exits with the status then. */
  void (*ended)(int status, int signal, long oom_kills);
  void (*failed)(void); /* nothing was run, and everything is taken back */
};

/* The settings have been loaded from the plan. */
_Noreturn void attend(const struct plan *plan, const struct caller *caller);
/* The exec's own group; NULL: it has none. */
const char *attend_group(void);

#endif
