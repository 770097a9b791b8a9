/* Which file of the copy was made from which state of which file. */
#include "copy_seen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "unpack_report.h"

enum { FIRST_ROOM = 1024, PIECE = 4096 };

static const char magic[8] = "tzcopy1";

static struct copy_state *slot_of(struct copy_state *slots, uint64_t room, uint64_t copy) {
  uint64_t at = (copy * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (room - 1);

  while (slots[at].copy != 0 && slots[at].copy != copy) at = (at + 1) & (room - 1);
  return &slots[at];
}

static void grow(struct copy_table *table) {
  uint64_t room = table->room == 0 ? FIRST_ROOM : table->room * 2;
  struct copy_state *slots = unpack_alloc(NULL, room * sizeof *slots);

  memset(slots, 0, room * sizeof *slots);
  for (uint64_t i = 0; i < table->room; i++)
    if (table->slots[i].copy != 0) *slot_of(slots, room, table->slots[i].copy) = table->slots[i];
  free(table->slots);
  table->slots = slots;
  table->room = room;
}

const struct copy_state *copy_table_find(const struct copy_table *table, uint64_t copy) {
  const struct copy_state *slot;

  if (table->room == 0) return NULL;
  slot = slot_of(table->slots, table->room, copy);
  return slot->copy == 0 ? NULL : slot;
}

void copy_table_put(struct copy_table *table, struct copy_state state) {
  struct copy_state *slot;

  if (table->count * 2 >= table->room) grow(table);
  slot = slot_of(table->slots, table->room, state.copy);
  table->count += slot->copy == 0;
  *slot = state;
}

void copy_table_read(struct copy_table *table, int directory, const char *name) {
  int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  struct copy_state piece[PIECE];
  char start[sizeof magic];
  ssize_t got;

  if (fd < 0 && errno == ENOENT) return;
  if (fd < 0) unpack_die(errno, "open the table of the base", name);
  if (read(fd, start, sizeof start) == sizeof start && memcmp(start, magic, sizeof magic) == 0)
    while ((got = read(fd, piece, sizeof piece)) > 0)
      for (size_t i = 0; i < (size_t)got / sizeof piece[0]; i++) copy_table_put(table, piece[i]);
  close(fd);
}

void copy_table_write(const struct copy_table *table, int directory, const char *name, int64_t before_ns) {
  int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  struct copy_state piece[PIECE];
  size_t used = 0;

  if (fd < 0) unpack_die(errno, "create the table", name);
  unpack_write_all(fd, magic, sizeof magic, "write the table", name);
  for (uint64_t i = 0; i < table->room; i++) {
    if (table->slots[i].copy == 0 || table->slots[i].changed_ns >= before_ns) continue;
    piece[used++] = table->slots[i];
    if (used == PIECE) {
      unpack_write_all(fd, piece, sizeof piece, "write the table", name);
      used = 0;
    }
  }
  unpack_write_all(fd, piece, used * sizeof piece[0], "write the table", name);
  if (close(fd) < 0) unpack_die(errno, "close the table", name);
}

int64_t copy_changed_ns(const struct stat *st) {
  return (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
}

/*
 * Whether a change of a file always shows in its time of change. Here a page that is mapped to be written becomes read-only when it goes
 * to disk, so that the next write to it is noticed; a tmpfs never does that.
 */
bool copy_notices_changes(int fd) {
  struct statfs info;

  if (fstatfs(fd, &info) < 0) return false;
  return info.f_type == 0xEF53 || info.f_type == 0x58465342 || (uint32_t)info.f_type == 0x9123683E;
}

int64_t copy_now_ns(void) {
  struct timespec now;

  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
