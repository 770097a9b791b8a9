/* Device nodes of a zone's /dev, see zone.h. No symbolic link of the zone is followed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compat.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

enum { MAX_STACKED = 64 };

static bool is_node(const struct stat *info, dev_t device) {
  return (S_ISCHR(info->st_mode) || S_ISBLK(info->st_mode)) && info->st_rdev == device;
}

void node_add(const struct op *op) {
  const char *path = op_arg(op, 1);
  char name[NAME_MAX + 1];
  struct tree *tree = tree_find(op_arg(op, 0));
  int parent = path_parent(path, name, TZ_RESOLVE_NO_SYMLINKS);
  int made = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (made < 0 && errno != EEXIST) fail("openat", path);
  if (made >= 0) close(made);
  int target = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (target < 0 || fstat(target, &info) != 0) fail("openat", path);
  if (!is_node(&info, tree->device)) {
    if (S_ISLNK(info.st_mode)) fail_with(ELOOP, "", path, "there is a symbolic link of the zone in its place");
    if (!S_ISREG(info.st_mode)) fail_with(EEXIST, "", path, "there is something of the zone in its place");
    unsigned flags = TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH;
    if (tz_move_mount(tree->fd, "", target, "", flags) != 0) {
      int error = errno;
      if (made >= 0) unlinkat(parent, name, 0);
      errno = error;
      fail("move_mount", path);
    }
  }
  close(target);
  close(parent);
  close(tree->fd);
  tree->fd = -1;
}

/* Whether a node was there and has been taken off. */
static bool take_off(int parent, const char *name, dev_t device) {
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !is_node(&info, device)) return false;
  if (fchdir(parent) != 0) return false;
  return umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) == 0;
}

void node_remove(const struct op *op) {
  const char *path = op_arg(op, 0);
  dev_t device = makedev((unsigned)parse_number(op_arg(op, 1)), (unsigned)parse_number(op_arg(op, 2)));
  char name[NAME_MAX + 1];
  int parent = path_parent_if_there(path, name);
  if (parent < 0) return;
  for (int i = 0; i < MAX_STACKED && take_off(parent, name, device); i++) continue;
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) && info.st_size == 0) {
    unlinkat(parent, name, 0);
  }
  close(parent);
}
