/* Times of directories, set when everything is written: writing into a directory changes its time. */
#ifndef UNPACK_TIMES_H
#define UNPACK_TIMES_H

#include <stdint.h>

/* Remembers; what does not fit into a small buffer goes to a nameless file below the root. */
void unpack_times_init(int root);
void unpack_times_add(const char *path, int64_t seconds, uint32_t nanoseconds);

/* Directories that are gone by now are left out. */
void unpack_times_apply(void);

#endif
