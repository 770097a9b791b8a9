/* What a layer takes away from those below it, made into what overlay understands. */
#include "unpack_whiteout.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unpack_report.h"

static const char prefix[] = ".wh.", meta_prefix[] = ".wh..wh.", opaque_name[] = ".wh..wh..opq";

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

bool unpack_is_whiteout(const char *path) {
  for (const char *name = path, *slash; (slash = strchr(name, '/')) != NULL; name = slash + 1)
    if (begins(name, prefix)) unpack_die(0, "a name lies below a whiteout", NULL);
  path = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
  return begins(path, prefix);
}

bool unpack_at_whiteout(int parent, const char *name) {
  struct stat st;

  return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

void unpack_make_opaque(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

  if (fd < 0 || fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) < 0) unpack_die(errno, "make a directory opaque", NULL);
  close(fd);
}

/* A node 0:0 needs no CAP_MKNOD (mknod(2), since Linux 5.8). What the same layer has of that name is not taken away;
 * a directory is then one that shows nothing of those below. */
static void hide(int parent, const char *name) {
  struct stat st;

  if (mknodat(parent, name, S_IFCHR, makedev(0, 0)) == 0) return;
  if (errno != EEXIST || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
    unpack_die(errno, "make a whiteout", NULL);
  if (S_ISDIR(st.st_mode)) unpack_make_opaque(parent, name);
}

void unpack_whiteout(int parent, const char *path, const char *name) {
  const char *hidden = name + sizeof prefix - 1;

  if (strcmp(name, opaque_name) == 0) {
    if (name == path) unpack_die(0, "a layer hides all that is below it (an opaque root)", NULL);
    unpack_make_opaque(parent, ".");
    return;
  }
  if (begins(name, meta_prefix)) return; /* other book-keeping of aufs */
  if (*hidden == '\0' || strcmp(hidden, ".") == 0 || strcmp(hidden, "..") == 0)
    unpack_die(0, "a whiteout names no file", NULL);
  hide(parent, hidden);
}
