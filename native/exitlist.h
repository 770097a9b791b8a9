/* The plain ops that are worked off when a zone has ended. Failures are ignored; already gone is success. */
#ifndef TSZONE_EXITLIST_H
#define TSZONE_EXITLIST_H

#include <stdbool.h>

#include "plan.h"

/* patient: EBUSY of a group is tried again for a moment. */
void exitlist_run(const struct plan *plan, bool patient);
/* The exit.spawn ops, or those of another kind. Their first words may be variables (NAME=VALUE), as in a shell. */
void exitlist_spawn(const struct plan *plan);
void exitlist_spawn_all(const struct plan *plan, enum op_id id);

#endif
