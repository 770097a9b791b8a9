/* Where a file has data and where holes. */
#include "pack_sparse.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unpack_report.h"

/* MAX_REGIONS is as many as the unpacker takes. */
enum { BLOCK = 512, LARGE = 64 << 10, MAX_REGIONS = 1 << 20, LINE = 24 };

static struct pack_region *found;
static size_t count, room;

static bool add(uint64_t offset, uint64_t size) {
  if (count == MAX_REGIONS) return false;
  if (count == room) {
    room = room == 0 ? 64 : room * 2;
    found = unpack_alloc(found, room * sizeof *found);
  }
  found[count++] = (struct pack_region){offset, size};
  return true;
}

size_t pack_regions(int fd, const struct stat *st, const struct pack_region **regions) {
  uint64_t size = (uint64_t)st->st_size, end = 0;

  count = 0;
  /* Of a small file that has all its blocks nothing is asked: there may be many of them. */
  if (size == 0 || ((uint64_t)st->st_blocks * BLOCK >= size && size < LARGE)) return 0;
  while (end < size) {
    off_t data = lseek(fd, (off_t)end, SEEK_DATA), hole;

    if (data < 0 || (uint64_t)data >= size) break;
    hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return 0;
    end = (uint64_t)hole < size ? (uint64_t)hole : size;
    if (!add((uint64_t)data, end - (uint64_t)data)) return 0;
  }
  if (count == 1 && found[0].offset == 0 && found[0].size == size) return 0;
  if (end < size && !add(size, 0)) return 0;
  *regions = found;
  return count;
}

size_t pack_map(const struct pack_region *regions, size_t regions_count, const char **map) {
  static char *text;
  static size_t text_room;
  size_t needed = (2 * regions_count + 1) * LINE + BLOCK, used;

  if (needed > text_room) {
    text = unpack_alloc(text, needed);
    text_room = needed;
  }
  used = (size_t)sprintf(text, "%zu\n", regions_count);
  for (size_t i = 0; i < regions_count; i++)
    used += (size_t)sprintf(text + used, "%" PRIu64 "\n%" PRIu64 "\n", regions[i].offset, regions[i].size);
  while (used % BLOCK != 0) text[used++] = '\0';
  *map = text;
  return used;
}
