/* Mounts of the zone side: the staging tmpfs, the overlay, file systems, binds and the pivot. Masks are in mask.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compat.h"
#include "mnt.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "words.h"
#include "zone.h"

static const struct word attribute_words[] = {
    {"ro", TZ_ATTR_RDONLY},
    {"nosuid", TZ_ATTR_NOSUID},
    {"nodev", TZ_ATTR_NODEV},
    {"noexec", TZ_ATTR_NOEXEC},
    {"relatime", 0},
    {"noatime", TZ_ATTR_NOATIME},
    {"strictatime", TZ_ATTR_STRICTATIME},
    {"nodiratime", TZ_ATTR_NODIRATIME},
    {"nosymfollow", TZ_ATTR_NOSYMFOLLOW},
    {NULL, 0},
};

/* The kernel keeps a text with the context: say it, it is far better than the errno. */
static _Noreturn void fail_context(int context, const char *syscall, const char *path) {
  int error = errno;
  char text[200];
  ssize_t n = read(context, text, sizeof text - 1);
  if (n <= 0) fail_with(error, syscall, path, strerror(error));
  while (n > 0 && text[n - 1] == '\n') n--;
  text[n] = '\0';
  char message[256];
  snprintf(message, sizeof message, "%s (%s)", strerror(error), text);
  fail_with(error, syscall, path, message);
}

int mnt_context(const char *type, const char *path) {
  int context = tz_fsopen(type);
  if (context < 0) fail("fsopen", path);
  return context;
}

void mnt_context_set(int context, const char *key, const char *value, const char *path) {
  int command = value == NULL ? TZ_FSCONFIG_SET_FLAG : TZ_FSCONFIG_SET_STRING;
  if (tz_fsconfig(context, (unsigned)command, key, value) != 0) fail_context(context, "fsconfig", path);
}

/* The detached mount of a context, which is closed. */
int mnt_context_mount(int context, unsigned attributes, const char *path) {
  if (tz_fsconfig(context, TZ_FSCONFIG_CMD_CREATE, NULL, NULL) != 0) fail_context(context, "fsconfig", path);
  int mount = tz_fsmount(context, attributes);
  if (mount < 0) fail_context(context, "fsmount", path);
  close(context);
  return mount;
}

void mnt_attach(int mount, int target, const char *path) {
  if (tz_move_mount(mount, "", target, "", TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    fail("move_mount", path);
  }
}

int mnt_clone(int dirfd, const char *path, unsigned flags) {
  int tree = tz_open_tree(dirfd, path, TZ_OPEN_TREE_CLONE | O_CLOEXEC | flags);
  if (tree < 0) fail("open_tree", path);
  return tree;
}

void mnt_protect_node(int node, const char *path) {
  struct tz_mount_attr attr = {.set = TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NOEXEC};
  if (tz_mount_setattr(node, "", TZ_AT_EMPTY_PATH, &attr) != 0) fail("mount_setattr", path);
}

static bool is_cover(const struct tree *tree) {
  for (int i = 0; i < settings.cover_count; i++) {
    if (strcmp(settings.covers[i].with, tree->slot) == 0) return true;
  }
  return false;
}

void mnt_take_locked(void) {
  for (int i = 0; i < settings.tree_count; i++) {
    struct tree *tree = &settings.trees[i];
    if ((tree->flags & TREE_LOCKED) == 0) continue;
    close(tree->fd);
    /* A cover comes along with the tree that it lies on. */
    tree->fd = is_cover(tree) ? -1 : mnt_clone(AT_FDCWD, tree->slot, TZ_AT_RECURSIVE);
  }
}

void mnt_stage(const struct op *op) {
  (void)op;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("mount", "/");
  int context = mnt_context("tmpfs", "tmpfs");
  mnt_context_set(context, "mode", "0755", "tmpfs");
  int staging = mnt_context_mount(context, TZ_ATTR_NOSUID | TZ_ATTR_NODEV, "tmpfs");
  /* cwd is root.staging since before the change of uid: its parent is closed to us by now. */
  if (tz_move_mount(staging, "", AT_FDCWD, ".", TZ_MOVE_MOUNT_F_EMPTY_PATH) != 0) fail("move_mount", settings.staging);
  if (fchdir(staging) != 0) fail("fchdir", settings.staging);
  zone.staging = zone.root = staging;
}

static void need_staging(void) {
  if (zone.staging < 0) fail_with(EINVAL, "", "", "root.stage has to come first");
  if (fchdir(zone.staging) != 0) fail("fchdir", "staging");
}

static struct tree *open_slot(const char *slot) {
  struct tree *tree = tree_find(slot);
  if (tree->fd < 0) fail_with(EBADF, "", slot, "the slot has been used up");
  return tree;
}

static bool is_directory(int fd, const char *path) {
  struct stat info;
  if (fstat(fd, &info) != 0) fail("fstat", path);
  return S_ISDIR(info.st_mode);
}

void mnt_tree_move(const struct op *op) {
  const char *name = op_arg(op, 1);
  struct tree *tree = open_slot(op_arg(op, 0));
  need_staging();
  if (mkdir(name, 0755) != 0 && errno != EEXIST) fail("mkdir", name);
  if (tz_move_mount(tree->fd, "", AT_FDCWD, name, TZ_MOVE_MOUNT_F_EMPTY_PATH) != 0) fail("move_mount", tree->path);
  close(tree->fd);
  tree->fd = -1;
}

/* An overlay that cannot make a directory in its work directory is mounted all the same, read-only and without an
 * errno: the same attempt tells why. */
static void refuse_read_only(int overlay, const char *upper) {
  struct statvfs info;
  if (fstatvfs(overlay, &info) != 0) fail("fstatvfs", upper);
  if ((info.f_flag & ST_RDONLY) == 0) return;
  char probe[300];
  snprintf(probe, sizeof probe, "%s/work/probe", upper);
  if (mkdir(probe, 0) != 0) fail("mkdir", probe);
  rmdir(probe);
  fail_with(EROFS, "fsmount", upper, "the kernel has mounted the overlay read-only; its log says why");
}

static const struct word overlay_words[] = {{"volatile", 1}, {NULL, 0}};

/* A volatile overlay leaves a mark in its work directory, with which the kernel refuses the next mount (overlayfs.rst,
 * "Volatile mount"): right for data that a crash may have cut short, and these are thrown away. */
static void drop_volatile_mark(const char *upper) {
  char mark[300];
  snprintf(mark, sizeof mark, "%s/work/work/incompat/volatile", upper);
  rmdir(mark);
}

/* fsconfig(2) takes 255 bytes of an option, mount(2) a page of them. */
static int overlay_by_mount(const char *target, const char *lowers, const char *upper, bool is_volatile) {
  char options[4096], directories[600] = "";
  if (*upper != '\0') snprintf(directories, sizeof directories, ",upperdir=%s/upper,workdir=%s/work", upper, upper);
  int length = snprintf(options, sizeof options, "userxattr%s%s,lowerdir=%s", is_volatile ? ",volatile" : "",
                        directories, lowers);
  if (length >= (int)sizeof options) fail_with(E2BIG, "mount", target, "the root has too many layers");
  if (mount("overlay", target, "overlay", 0, options) != 0) fail("mount", target);
  int overlay = open(target, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (overlay < 0) fail("open", target);
  return overlay;
}

static int overlay_by_context(const char *target, const char *lowers, const char *upper, bool is_volatile) {
  /* Relative names, because /proc/self/fd/N and layer fds are refused by 6.18 and 6.1. */
  int context = mnt_context("overlay", target);
  mnt_context_set(context, "source", "overlay", target);
  mnt_context_set(context, "lowerdir", lowers, target);
  if (*upper != '\0') {
    char directory[256];
    snprintf(directory, sizeof directory, "%s/upper", upper);
    mnt_context_set(context, "upperdir", directory, target);
    snprintf(directory, sizeof directory, "%s/work", upper);
    mnt_context_set(context, "workdir", directory, target);
  }
  mnt_context_set(context, "userxattr", NULL, target);
  if (is_volatile) mnt_context_set(context, "volatile", NULL, target);
  int overlay = mnt_context_mount(context, 0, target);
  if (tz_move_mount(overlay, "", AT_FDCWD, target, TZ_MOVE_MOUNT_F_EMPTY_PATH) != 0) fail("move_mount", target);
  return overlay;
}

void mnt_overlay(const struct op *op) {
  const char *target = op_arg(op, 0);
  const char *lowers = op_arg(op, 1);
  const char *upper = op_arg(op, 2);
  bool is_volatile = words_parse(op_arg(op, 3), overlay_words) != 0;
  need_staging();
  if (mkdir(target, 0755) != 0 && errno != EEXIST) fail("mkdir", target);
  if (is_volatile) drop_volatile_mark(upper);
  int overlay = strlen(lowers) < 256 ? overlay_by_context(target, lowers, upper, is_volatile)
                                     : overlay_by_mount(target, lowers, upper, is_volatile);
  if (*upper != '\0') refuse_read_only(overlay, upper);
  close(overlay);
}

void mnt_root_enter(const struct op *op) {
  const char *name = op_arg(op, 0);
  need_staging();
  if (mkdir(name, 0755) != 0 && errno != EEXIST) fail("mkdir", name);
  int root = open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (root < 0) fail("open", name);
  if (fchdir(root) != 0) fail("fchdir", name);
  if (zone.root != zone.staging) close(zone.root);
  zone.root = root;
}

void mnt_fs(const struct op *op) {
  const char *type = op_arg(op, 0);
  const char *path = op_arg(op, 1);
  unsigned attributes = (unsigned)words_parse(op_arg(op, 2), attribute_words);
  int context = mnt_context(type, path);
  if (tz_fsconfig(context, TZ_FSCONFIG_SET_STRING, "source", type) != 0 && errno != EINVAL) {
    fail_context(context, "fsconfig", path);
  }
  char option[256];
  const char *rest = op_arg(op, 3);
  while ((rest = words_next(rest, option, sizeof option)) != NULL) {
    char *value = strchr(option, '=');
    if (value != NULL) *value++ = '\0';
    mnt_context_set(context, option, value, path);
  }
  int mount = mnt_context_mount(context, attributes, path);
  int target = path_target(path, true);
  mnt_attach(mount, target, path);
  mask_note_kernel_fs(mount, path);
  close(target);
  close(mount);
}

void mnt_tree(const struct op *op) {
  const char *path = op_arg(op, 1);
  struct tree *tree = open_slot(op_arg(op, 0));
  int target = path_target(path, is_directory(tree->fd, tree->path));
  mnt_attach(tree->fd, target, path);
  mask_note_kernel_fs(tree->fd, path);
  close(target);
  close(tree->fd);
  tree->fd = -1;
}

void mnt_dev_bind(const struct op *op) {
  const char *path = op_arg(op, 1);
  int node = mnt_clone(AT_FDCWD, op_arg(op, 0), 0);
  mnt_protect_node(node, op_arg(op, 0));
  int target = path_target(path, false);
  mnt_attach(node, target, path);
  close(target);
  close(node);
}

void mnt_root_attributes(const struct op *op) {
  struct tz_mount_attr attr = {.set = words_parse(op_arg(op, 0), attribute_words)};
  if (tz_mount_setattr(zone.root, "", TZ_AT_EMPTY_PATH, &attr) != 0) fail("mount_setattr", "/");
}

void mnt_pivot(const struct op *op) {
  (void)op;
  mask_forget_kernel_fs();
  if (zone.root < 0 || fchdir(zone.root) != 0) fail("fchdir", "/");
  if (syscall(SYS_pivot_root, ".", ".") != 0) fail("pivot_root", "/");
  if (umount2(".", MNT_DETACH) != 0) fail("umount2", "/");
  if (chdir("/") != 0) fail("chdir", "/");
  if (zone.staging >= 0 && zone.staging != zone.root) close(zone.staging);
  close(zone.root);
  zone.staging = -1;
  zone.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (zone.root < 0) fail("open", "/");
}
