/* Writes entries below a root, never outside of it. */
#ifndef UNPACK_WRITE_H
#define UNPACK_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "unpack_tar.h"

struct unpack_options {
  bool keep_owner;               /* else OWNER_UID:OWNER_GID, and no set-id bits or file capabilities */
  uint32_t owner_uid, owner_gid; /* UINT32_MAX: the process's own */
  bool devices;
  bool keep_directory_symlinks;
  bool marks;     /* overlay's: a node 0:0 hides a name, a directory may be opaque */
  bool whiteouts; /* `.wh.NAME` takes NAME away from the layers below */
};

struct unpack_counts {
  uint64_t entries, bytes, skipped, skipped_devices, skipped_xattrs;
};

extern struct unpack_counts unpack_counts;

void unpack_write_init(int root, const struct unpack_options *options);

/* ENTRY's path and, for a hard link, its link are clean: relative, without "." and "..". Reads the data. */
void unpack_write_entry(struct tar_entry *entry, const char *path, const char *link);

/* Counts an entry as left out and reads past its data. */
void unpack_write_skip(const struct tar_entry *entry);

#endif
