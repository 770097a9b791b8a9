/* Extended attributes that an archive has: users', ACLs, file capabilities. */
#ifndef PACK_XATTRS_H
#define PACK_XATTRS_H

#include <stdbool.h>
#include <stddef.h>

#include "pack_header.h"

/* Of what was read last. */
extern const struct pack_xattr *const pack_xattrs;
extern size_t pack_xattr_count;

/* Overlay's mark of an opaque directory is one of them. */
extern bool pack_xattrs_marks;

/* Of what FD is, or, if it is -1, of FILE in the working directory. PATH is what an error says: what cannot be read whole ends the archive. */
void pack_read_xattrs(int fd, const char *file, const char *path);
void pack_forget_xattrs(void);

#endif
