/*
 * What a tree was when it was copied, by path: so a later copy, on another file system, can be of what has changed since alone. It is a file
 * beside the copy, and has every entry, also those that such a copy has not.
 */
#ifndef COPY_PAST_H
#define COPY_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct past_entry {
  char *path;
  uint64_t inode;
  /* -1: it may have changed again without a trace. */
  int64_t changed_ns;
  uint32_t mode;
  bool is_opaque;
  /* Of the entries: 0 is none. */
  size_t child, next;
  /* The pass in which it was last met. */
  unsigned met;
};

struct past {
  struct past_entry *entries;
  size_t count, *slots, room;
};

/* The first is the root, whose path is empty. Parents before what is in them. */
void past_put(struct past *past, const char *path, const struct stat *st, int64_t changed_ns, bool is_opaque);

/* NULL: there was none. */
struct past_entry *past_find(const struct past *past, const char *path);

void past_clear(struct past *past);

/* Whether FD holds what a tree of that file system was. */
bool past_read(struct past *past, int fd, uint64_t volume);
void past_write(const struct past *past, int directory, const char *name, uint64_t volume);

/* Of the file system that FD is on. */
uint64_t past_volume(int fd);

#endif
