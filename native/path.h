/* Paths inside the zone's root, always resolved by the kernel with RESOLVE_IN_ROOT: symbolic links lead nowhere else.
 */
#ifndef TSZONE_PATH_H
#define TSZONE_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* For openat2 from a directory: below it, on its own mount, without links of any kind. */
#define PATH_SAME_MOUNT (TZ_RESOLVE_BENEATH | TZ_RESOLVE_NO_XDEV | TZ_RESOLVE_NO_SYMLINKS | TZ_RESOLVE_NO_MAGICLINKS)

/* -1 with errno set. resolve: TZ_RESOLVE_* beyond IN_ROOT and NO_MAGICLINKS. */
int path_open(const char *path, uint64_t flags, uint64_t resolve);
/* The directory that holds (or will hold) the last component, which goes into name (NAME_MAX + 1 bytes); missing
 * directories above are made with mode 0755. fail()s. */
int path_parent(const char *path, char *name, uint64_t resolve);
/* The same without symbolic links on the way and without making anything: -1 if it is not there so. */
int path_parent_if_there(const char *path, char *name);
/* O_PATH of the path, made as an empty directory or file if it is missing. fail()s. */
int path_target(const char *path, bool directory);

#endif
