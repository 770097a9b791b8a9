/* The monitor's records: JSON files that are written whole or not at all, and the target of what enters the zone. */
#ifndef TSZONE_RECORD_H
#define TSZONE_RECORD_H

#include <stdbool.h>
#include <sys/types.h>

struct ending {
  int status, signal;
  long oom_kills;
  bool has_too_many_groups;
};

/* fail()s: a zone whose record can't be written must not start. */
void record_running(const char *path, pid_t pid, long long started_at_ms);
/* Adds the ops `status.since` and `target` to the record by which the command line enters the zone. Best effort: a record without it, or cut
 * off, is not used. */
void record_target(const char *path, pid_t pid, long long started_at_ms);
/* Best effort. */
void record_exit(const char *path, const struct ending *how);

#endif
