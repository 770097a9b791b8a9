/* Extended attributes that an archive has: users', ACLs, file capabilities. */
#include "pack_xattrs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/xattr.h>

#include "unpack_report.h"

/* The kernel lists no more names, and the unpacker takes no more of one entry (unpack_pax.c). */
enum { MAX_XATTRS = 4096, MAX_XATTR_NAMES = 64 << 10, MAX_XATTR_VALUE = 64 << 10, MAX_XATTR_BYTES = 7 << 20 };

static struct pack_xattr found[MAX_XATTRS];
const struct pack_xattr *const pack_xattrs = found;
size_t pack_xattr_count;

bool pack_xattrs_marks;

/* `user.overlay.*` is overlay's own book-keeping of a layer (overlayfs.rst); trusted.* is not the zone's. */
static bool xattr_wanted(const char *name) {
  return (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0) ||
         (pack_xattrs_marks && strcmp(name, "user.overlay.opaque") == 0) || strcmp(name, "security.capability") == 0 ||
         strncmp(name, "system.posix_acl_", 17) == 0;
}

void pack_forget_xattrs(void) {
  for (; pack_xattr_count > 0; pack_xattr_count--) {
    free(found[pack_xattr_count - 1].name);
    free(found[pack_xattr_count - 1].value);
  }
}

/* What went meanwhile, or was never to be had there, is none. */
static bool is_nothing(int error) {
  return error == ENODATA || error == ENOENT || error == EOPNOTSUPP;
}

static void add(const char *name, const char *value, size_t size, size_t *bytes, const char *path) {
  *bytes += strlen(name) + size;
  if (pack_xattr_count == MAX_XATTRS || *bytes > MAX_XATTR_BYTES)
    unpack_die(0, "a file has too many extended attributes", path);
  found[pack_xattr_count++] = (struct pack_xattr){unpack_strdup(name, strlen(name)), unpack_strdup(value, size), size};
}

void pack_read_xattrs(int fd, const char *file, const char *path) {
  static char names[MAX_XATTR_NAMES], value[MAX_XATTR_VALUE];
  ssize_t size = fd >= 0 ? flistxattr(fd, names, sizeof names) : llistxattr(file, names, sizeof names);
  size_t bytes = 0;

  pack_forget_xattrs();
  if (size < 0 && !is_nothing(errno)) unpack_die(errno, "list the extended attributes", path);
  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
    ssize_t got;

    if (!xattr_wanted(name)) continue;
    got = fd >= 0 ? fgetxattr(fd, name, value, sizeof value) : lgetxattr(file, name, value, sizeof value);
    if (got >= 0)
      add(name, value, (size_t)got, &bytes, path);
    else if (!is_nothing(errno))
      unpack_die(errno, "read an extended attribute", path);
  }
}
