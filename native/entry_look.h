/* The verbs of the native entry that enter nothing. Each returns the exit status, or -1: it is not for us, and nothing
 * has been done. */
#ifndef TSZONE_ENTRY_LOOK_H
#define TSZONE_ENTRY_LOOK_H

#include "entry_record.h"
#include "forms.h"

/* A signal to the zone's pid 1. */
int look_kill(const struct form *form, const struct entry_record *record);
/* The pids of the zone's processes, as it sees them, one a line. */
int look_ps(const struct entry_record *record);
/* How the zone is and what it uses (entry_status.c). */
int look_status(const struct form *form, const struct entry_record *record);

#endif
