/* What is hidden or read-only in the zone's /proc and /sys. Both are known by the descriptor of the very mount that was
 * made for the zone, and what lies in them is looked up from there, never through the root, within that mount and
 * without links: whatever an image or a shared directory has in the way, nothing else can be covered, nor left
 * uncovered. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "compat.h"
#include "mnt.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

/* The first cover of each kind, attached: a copy of what is attached nowhere is refused before 6.15. */
static int empty_directory = -1;
static int null_device = -1;

static void note(int *place, int mount, unsigned long magic, const char *path) {
  struct statfs info;
  if (fstatfs(mount, &info) != 0) fail("fstatfs", path);
  if ((unsigned long)info.f_type != magic) return;
  *place = fcntl(mount, F_DUPFD_CLOEXEC, 0);
  if (*place < 0) fail("fcntl", path);
}

void mask_note_kernel_fs(int mount, const char *path) {
  if (strcmp(path, "/sys") == 0) note(&zone.sys, mount, TZ_SYSFS_MAGIC, path);
  if (strcmp(path, "/proc") != 0) return;
  note(&zone.proc, mount, TZ_PROC_MAGIC, path);
  if (!settings.has_sysctl || zone.proc < 0) return;
  /* Before /proc/sys is made read-only, which only covers it. */
  zone.sysctl = tz_openat2(zone.proc, "sys", O_PATH | O_DIRECTORY, 0, PATH_SAME_MOUNT);
  if (zone.sysctl < 0) fail("openat2", "/proc/sys");
}

void mask_forget_kernel_fs(void) {
  if (zone.proc >= 0) close(zone.proc);
  if (zone.sys >= 0) close(zone.sys);
  zone.proc = zone.sys = -1;
}

/* -1 if there is no such file. */
static int open_target(const char *path) {
  bool proc = strncmp(path, "/proc/", 6) == 0;
  if (!proc && strncmp(path, "/sys/", 5) != 0) fail_with(EINVAL, "", path, "this is neither in /proc nor in /sys");
  int root = proc ? zone.proc : zone.sys;
  if (root < 0) fail_with(EINVAL, "", path, proc ? "the zone has no /proc yet" : "the zone has no /sys yet");
  int target = tz_openat2(root, path + (proc ? 6 : 5), O_PATH, 0, PATH_SAME_MOUNT);
  if (target < 0 && errno != ENOENT && errno != ENOTDIR) fail("openat2", path);
  return target;
}

/* The host's, through a mount of its own: the first cover. */
static void take_null(void) {
  static const char path[] = "/dev/null";
  int node = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat info;
  if (node < 0 || fstat(node, &info) != 0) fail("open", path);
  if (!S_ISCHR(info.st_mode) || info.st_rdev != makedev(1, 3)) {
    fail_with(EINVAL, "fstat", path, "this is not the null device (character device 1:3)");
  }
  null_device = mnt_clone(node, "", TZ_AT_EMPTY_PATH);
  mnt_protect_node(null_device, path);
  close(node);
}

static void cover_with_copy(int cover, int target, const char *path) {
  int copy = mnt_clone(cover, "", TZ_AT_EMPTY_PATH);
  mnt_attach(copy, target, path);
  close(copy);
}

static void cover_file(int target, const char *path) {
  if (null_device >= 0) {
    cover_with_copy(null_device, target, path);
    return;
  }
  take_null();
  mnt_attach(null_device, target, path);
}

static void cover_directory(int target, const char *path) {
  if (empty_directory >= 0) {
    cover_with_copy(empty_directory, target, path);
    return;
  }
  int context = mnt_context("tmpfs", path);
  mnt_context_set(context, "size", "0", path);
  mnt_context_set(context, "nr_inodes", "1", path);
  mnt_context_set(context, "mode", "0555", path);
  empty_directory = mnt_context_mount(context, TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC, path);
  mnt_attach(empty_directory, target, path);
}

void mnt_mask(const struct op *op) {
  const char *path = op_arg(op, 0);
  int target = open_target(path);
  if (target < 0) return;
  struct stat info;
  if (fstat(target, &info) != 0) fail("fstat", path);
  if (S_ISDIR(info.st_mode)) {
    cover_directory(target, path);
  } else {
    cover_file(target, path);
  }
  close(target);
}

/* It only adds flags: a remount would have to repeat the locked ones and fails with EPERM if it does not. */
static void make_readonly(int target, const char *path) {
  int tree = mnt_clone(target, "", TZ_AT_EMPTY_PATH | TZ_AT_RECURSIVE);
  struct tz_mount_attr attr = {.set = TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC};
  if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH | TZ_AT_RECURSIVE, &attr) != 0) fail("mount_setattr", path);
  mnt_attach(tree, target, path);
  close(tree);
  close(target);
}

void mnt_readonly(const struct op *op) {
  const char *path = op_arg(op, 0);
  int target = open_target(path);
  if (target >= 0) make_readonly(target, path);
}

/* All but links and the directories of processes; what has been covered before is on another mount. */
void mnt_proc_readonly(const struct op *op) {
  (void)op;
  int fd = zone.proc < 0 ? -1 : openat(zone.proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) fail("opendir", "/proc");
  struct dirent *entry;
  while ((entry = readdir(directory)) != NULL) {
    const char *name = entry->d_name;
    if (entry->d_type == DT_LNK || *name == '.' || (*name >= '0' && *name <= '9')) continue;
    int target = tz_openat2(zone.proc, name, O_PATH, 0, PATH_SAME_MOUNT);
    if (target >= 0) {
      make_readonly(target, name);
    } else if (errno != EXDEV && errno != ENOENT && errno != ELOOP) {
      fail("openat2", name);
    }
  }
  closedir(directory);
}
