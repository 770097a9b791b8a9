/* What a tree was when it was copied, see copy_past.h. */
#include "copy_past.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "unpack_report.h"

enum { FIRST_ROOM = 1024, LONGEST = 4096 };

static const char magic[8] = "tzpast1";

struct record {
  uint64_t inode;
  int64_t changed_ns;
  uint32_t mode;
  uint16_t length;
  uint8_t is_opaque, padding;
};

/* FNV-1a */
static size_t hash_of(const char *path, size_t length) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);

  for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)path[i]) * UINT64_C(0x100000001b3);
  return (size_t)(hash ^ hash >> 32);
}

/* Of the entry plus one; 0 is free. */
static size_t *slot_of(const struct past *past, const char *path, size_t length) {
  size_t at = hash_of(path, length) & (past->room - 1);

  for (; past->slots[at] != 0; at = (at + 1) & (past->room - 1)) {
    const char *known = past->entries[past->slots[at] - 1].path;

    if (strncmp(known, path, length) == 0 && known[length] == '\0') break;
  }
  return &past->slots[at];
}

static void grow(struct past *past) {
  past->room = past->room == 0 ? FIRST_ROOM : past->room * 2;
  free(past->slots);
  past->slots = unpack_alloc(NULL, past->room * sizeof *past->slots);
  memset(past->slots, 0, past->room * sizeof *past->slots);
  past->entries = unpack_alloc(past->entries, past->room / 2 * sizeof *past->entries);
  for (size_t i = 0; i < past->count; i++) *slot_of(past, past->entries[i].path, strlen(past->entries[i].path)) = i + 1;
}

static void put(struct past *past, struct past_entry entry) {
  const char *slash = strrchr(entry.path, '/');
  size_t parent;

  if (past->count * 2 >= past->room) grow(past);
  parent = *slot_of(past, entry.path, slash == NULL ? 0 : (size_t)(slash - entry.path));
  past->entries[past->count] = entry;
  *slot_of(past, entry.path, strlen(entry.path)) = past->count + 1;
  if (past->count > 0 && parent > 0) {
    past->entries[past->count].next = past->entries[parent - 1].child;
    past->entries[parent - 1].child = past->count;
  }
  past->count++;
}

void past_put(struct past *past, const char *path, const struct stat *st, int64_t changed_ns, bool is_opaque) {
  put(past, (struct past_entry){.path = unpack_strdup(path, strlen(path)),
                                .inode = st->st_ino,
                                .changed_ns = changed_ns,
                                .mode = st->st_mode,
                                .is_opaque = is_opaque});
}

struct past_entry *past_find(const struct past *past, const char *path) {
  size_t known = past->room == 0 ? 0 : *slot_of(past, path, strlen(path));

  return known == 0 ? NULL : &past->entries[known - 1];
}

void past_clear(struct past *past) {
  for (size_t i = 0; i < past->count; i++) free(past->entries[i].path);
  free(past->entries);
  free(past->slots);
  *past = (struct past){0};
}

bool past_read(struct past *past, int fd, uint64_t volume) {
  char start[sizeof magic], path[LONGEST + 1];
  uint64_t of_volume;
  struct record record;
  FILE *in = fdopen(fd, "r");
  bool is_whole = false;

  if (in == NULL) unpack_die(errno, "open what the tree was", "");
  if (fread(start, sizeof start, 1, in) == 1 && memcmp(start, magic, sizeof magic) == 0 &&
      fread(&of_volume, sizeof of_volume, 1, in) == 1 && of_volume == volume)
    while (fread(&record, sizeof record, 1, in) == 1) {
      /* The last one: it was written to its end. */
      is_whole = record.length == UINT16_MAX;
      if (is_whole || record.length > LONGEST || fread(path, 1, record.length, in) != record.length) break;
      path[record.length] = '\0';
      put(past, (struct past_entry){.path = unpack_strdup(path, record.length),
                                    .inode = record.inode,
                                    .changed_ns = record.changed_ns,
                                    .mode = record.mode,
                                    .is_opaque = record.is_opaque != 0});
    }
  fclose(in);
  if (!is_whole || past->count == 0) past_clear(past);
  return past->count > 0;
}

void past_write(const struct past *past, int directory, const char *name, uint64_t volume) {
  int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
  struct record end = {.length = UINT16_MAX};

  if (out == NULL) unpack_die(errno, "create what the tree was", name);
  fwrite(magic, sizeof magic, 1, out);
  fwrite(&volume, sizeof volume, 1, out);
  for (size_t i = 0; i < past->count; i++) {
    const struct past_entry *entry = &past->entries[i];
    struct record record = {.inode = entry->inode,
                            .changed_ns = entry->changed_ns,
                            .mode = entry->mode,
                            .length = (uint16_t)strlen(entry->path),
                            .is_opaque = entry->is_opaque};

    fwrite(&record, sizeof record, 1, out);
    fwrite(entry->path, 1, record.length, out);
  }
  fwrite(&end, sizeof end, 1, out);
  if (ferror(out) != 0 || fflush(out) != 0) unpack_die(errno, "write what the tree was", name);
  if (fclose(out) != 0) unpack_die(errno, "close what the tree was", name);
}

uint64_t past_volume(int fd) {
  struct statfs info;
  uint64_t volume = 0;

  if (fstatfs(fd, &info) < 0) unpack_die(errno, "look at the file system", "");
  memcpy(&volume, &info.f_fsid, sizeof volume < sizeof info.f_fsid ? sizeof volume : sizeof info.f_fsid);
  return volume;
}
