/*
 * Which file was packed under which name first: an open-addressed table by device and inode. A zone that runs may remove a file that is
 * packed, and another one gets its inode's number: it is known by when it was made.
 */
#include "pack_links.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compat.h"
#include "unpack_report.h"

struct link {
  dev_t device;
  ino_t inode;
  int64_t made_ns;
  char *path;
};

static struct link *table;
static size_t room, count;

static struct link *slot_of(struct link *links, size_t size, dev_t device, ino_t inode) {
  size_t at = (size_t)((uint64_t)inode * UINT64_C(0x9e3779b97f4a7c15) >> 20 ^ (uint64_t)device) & (size - 1);

  while (links[at].path != NULL && (links[at].device != device || links[at].inode != inode)) at = (at + 1) & (size - 1);
  return &links[at];
}

static void grow(void) {
  size_t size = room == 0 ? 1024 : room * 2;
  struct link *links = unpack_alloc(NULL, size * sizeof *links);

  memset(links, 0, size * sizeof *links);
  for (size_t i = 0; i < room; i++)
    if (table[i].path != NULL) *slot_of(links, size, table[i].device, table[i].inode) = table[i];
  free(table);
  table = links;
  room = size;
}

/* 0 where the file system does not know. */
static int64_t made_ns(int at, const char *name) {
  struct tz_statx found;

  if (syscall(SYS_statx, at, name, AT_SYMLINK_NOFOLLOW | TZ_AT_EMPTY_PATH, TZ_STATX_BTIME, &found) < 0) return 0;
  return (found.mask & TZ_STATX_BTIME) == 0 ? 0 : found.btime_sec * INT64_C(1000000000) + found.btime_nsec;
}

const char *pack_link_of(int at, const char *name, const struct stat *st, const char *path) {
  int64_t made = made_ns(at, name);
  struct link *slot;

  if (count * 2 >= room) grow();
  slot = slot_of(table, room, st->st_dev, st->st_ino);
  if (slot->path != NULL && slot->made_ns == made) return slot->path;
  if (slot->path == NULL) count++;
  free(slot->path);
  *slot = (struct link){st->st_dev, st->st_ino, made, unpack_strdup(path, strlen(path))};
  return NULL;
}

void pack_forget_links(void) {
  for (size_t i = 0; i < room; i++) free(table[i].path);
  free(table);
  table = NULL;
  room = count = 0;
}
