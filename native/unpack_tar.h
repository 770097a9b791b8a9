/* Reads tar headers: V7, ustar, GNU (long names, sparse), PAX (also its three sparse forms). */
#ifndef UNPACK_TAR_H
#define UNPACK_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

enum tar_type {
  TAR_FILE,
  TAR_HARDLINK,
  TAR_SYMLINK,
  TAR_CHAR,
  TAR_BLOCKDEV,
  TAR_DIRECTORY,
  TAR_FIFO,
  TAR_SOCKET,
};

/* NAME and VALUE point into memory of the entry. */
struct tar_xattr {
  const char *name;
  const char *value;
  size_t size;
};

struct tar_region {
  uint64_t offset;
  uint64_t size;
};

struct tar_entry {
  enum tar_type type;
  char *path;
  char *link;
  uint32_t mode, uid, gid, major, minor;
  int64_t mtime;
  uint32_t mtime_ns;
  bool has_atime;
  int64_t atime;
  uint32_t atime_ns;
  uint64_t size;      /* bytes of data that follow in the archive */
  uint64_t real_size; /* of the file; differs from size if sparse */
  bool sparse;
  struct tar_region *regions;
  size_t region_count, region_room;
  struct tar_xattr *xattrs;
  size_t xattr_count, xattr_room;
};

/*
 * The next entry, false at the end of the archive. The caller reads entry->size bytes of data from the input and then
 * calls tar_pad. Dies on anything malformed.
 */
bool tar_next(struct tar_entry *entry);

/* The size of the first entry, which has to be a plain file PATH of at most MAX bytes, without any header before its
 * own. */
uint64_t tar_first(const char *path, uint64_t max);

/* Skips the padding after SIZE bytes of data. */
void tar_pad(uint64_t size);

/* Used by unpack_pax.c. */
void tar_add_region(struct tar_entry *entry, uint64_t offset, uint64_t size);

#endif
