/* PAX records: `LENGTH key=value\n`. */
#ifndef UNPACK_PAX_H
#define UNPACK_PAX_H

#include "unpack_tar.h"

/* What PAX headers said about the entry that follows. Strings point into text. */
struct pax {
  char *text; /* of the local header */
  const char *path, *link, *sparse_name;
  bool has_size, has_uid, has_gid, has_mtime, has_atime, has_real_size, has_map, is_socket;
  uint64_t size, uid, gid, real_size;
  int64_t mtime, atime;
  uint32_t mtime_ns, atime_ns;
  unsigned sparse_major, sparse_minor;
  uint64_t pending_offset;
  bool has_pending_offset;
};

enum pax_scope { PAX_GLOBAL, PAX_LOCAL };

/* Reads a header of SIZE bytes and its padding. Xattrs and sparse maps go to ENTRY. Of a global one only owners and
 * times count. */
void pax_read(struct pax *pax, struct tar_entry *entry, enum pax_scope scope, uint64_t size);

/* Before each entry: only what global headers said is left. */
void pax_reset(struct pax *pax);

/* The map at the head of the data of a sparse file of format 1.0; returns its size in the archive. */
uint64_t pax_read_map(struct tar_entry *entry);

#endif
