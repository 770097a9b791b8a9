/* Control groups: made, killed and removed. */
#ifndef TSZONE_GROUP_H
#define TSZONE_GROUP_H

#include <stdbool.h>

/* Makes PREFIX and the process id, followed by a number while that is taken, and copies `fill` (names of control files)
 * from the group above. Returns the path, which stays as long as the process; fail()s. */
const char *group_make(const char *prefix, const char *const fill[], int count);
/* patient: EBUSY is tried again for a moment. */
void group_remove(const char *path, bool patient);
/* The group and all groups below it, deepest first. */
void group_remove_tree(const char *path, bool patient);
/* The same, but what processes are in stays. */
void group_remove_empty(const char *path);
/* Calls `each` with the pid of every process in the group and in the groups below it. */
void group_members(const char *path, void (*each)(int pid));
/* Kills every process in the group and in the groups below it, until there is none. */
void group_kill(const char *path);

#endif
