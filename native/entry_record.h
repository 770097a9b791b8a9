/* The zone's record for the native entry: an exec's plan, as far as the start knew it, with the target that the monitor
 * added. */
#ifndef TSZONE_ENTRY_RECORD_H
#define TSZONE_ENTRY_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

struct entry_record {
  struct plan plan;
  const char *root, *freezer, *group, *user, *workdir;
  const char *target_pid, *target_start;
  const char *state;   /* zone.json as it was: INODE.SIZE.MTIME_NS */
  const char *started; /* milliseconds since 1970 */
  const char *namespaces;
  struct op login;
};

/* With room for so many bytes more. False if there is none, or none that this program can use. */
bool entry_record_read(const char *zone, size_t room, struct entry_record *record);
/* The zone is paused. */
bool entry_record_is_frozen(const struct entry_record *record);
/* The pidfd of the zone's pid 1, or -1 if it has ended. */
int entry_record_target(const struct entry_record *record);
/* Adds an op. What entry_record_read has made room for, fits. */
void entry_record_begin(struct entry_record *record, const char *op, int argc);
void entry_record_word(struct entry_record *record, const char *word);

#endif
