/* Where a file has data and where holes. */
#ifndef PACK_SPARSE_H
#define PACK_SPARSE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct pack_region {
  uint64_t offset, size;
};

/*
 * The regions with data of a file with holes; the last may be empty, it then ends the file. None: it has no holes, or
 * too many of them. Valid until the next call.
 */
size_t pack_regions(int fd, const struct stat *st, const struct pack_region **regions);

/* The map as it stands at the head of the data (GNU tar's format 1.0), padded to whole blocks. Valid until the next
 * call. */
size_t pack_map(const struct pack_region *regions, size_t count, const char **map);

#endif
