/* Times of directories, set when everything is written: writing into a directory changes its time. */
#ifndef UNPACK_TIMES_H
#define UNPACK_TIMES_H

#include <stdint.h>
#include <time.h>

#include "unpack_tar.h"

/* Remembers; what does not fit into a small buffer goes to a nameless file below the root. */
void unpack_times_init(int root);
void unpack_times_add(const char *path, const struct tar_entry *entry);

/* As utimensat(2) takes them; a time of access that the archive has not got is left alone. */
struct unpack_times {
  struct timespec at[2];
};
struct unpack_times unpack_times_of(const struct tar_entry *entry);

/* Directories that are gone by now are left out. */
void unpack_times_apply(void);

#endif
