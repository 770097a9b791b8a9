/* Which file was packed under which name first: an open-addressed table by device and inode. */
#include "pack_links.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "unpack_report.h"

struct link {
  dev_t device;
  ino_t inode;
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

const char *pack_link_of(const struct stat *st, const char *path) {
  struct link *slot;

  if (count * 2 >= room) grow();
  slot = slot_of(table, room, st->st_dev, st->st_ino);
  if (slot->path != NULL) return slot->path;
  *slot = (struct link){st->st_dev, st->st_ino, unpack_strdup(path, strlen(path))};
  count++;
  return NULL;
}

void pack_forget_links(void) {
  for (size_t i = 0; i < room; i++) free(table[i].path);
  free(table);
  table = NULL;
  room = count = 0;
}
