/* The host side's mounts: detached trees, and the private namespace in which locked ones are attached. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "host.h"
#include "report.h"
#include "settings.h"

/* The host's own node is of no use: its owner is nobody whom the zone knows, and devtmpfs cannot be idmapped. One of our
 * own, on a tmpfs that nobody sees, can have the owner that it needs. */
static void open_node(struct tree *tree) {
  char path[4096];
  report_step("tree.node", tree->op);
  snprintf(path, sizeof path, "%s/%s", settings.staging, tree->slot);
  if (mknod(path, tree->node, tree->device) != 0) fail("mknod", path);
  if (chown(path, tree->uid, tree->gid) != 0) fail("chown", path);
  if (chmod(path, tree->node & 07777) != 0) fail("chmod", path);
  tree->fd = tz_open_tree(AT_FDCWD, path, TZ_OPEN_TREE_CLONE | O_CLOEXEC);
  if (tree->fd < 0) fail("open_tree", path);
  struct tz_mount_attr attr = {.set = TZ_ATTR_NOEXEC, .clear = TZ_ATTR_NODEV, .propagation = MS_PRIVATE};
  if (tz_mount_setattr(tree->fd, "", TZ_AT_EMPTY_PATH, &attr) != 0) fail("mount_setattr", path);
}

static void open_nodes(void) {
  if (!settings.any_node) return;
  int own_namespace = host_enter_private();
  for (int i = 0; i < settings.tree_count; i++) {
    if (settings.trees[i].node != 0) open_node(&settings.trees[i]);
  }
  host_leave_private(own_namespace);
}

void host_open_trees(void) {
  open_nodes();
  bool user = settings.launching && (settings.ns_flags & CLONE_NEWUSER) != 0;
  for (int i = 0; i < settings.tree_count; i++) {
    struct tree *tree = &settings.trees[i];
    if (tree->node != 0) continue;
    report_step("tree.open", tree->op);
    unsigned recursive = (tree->flags & TREE_RECURSIVE) != 0 ? TZ_AT_RECURSIVE : 0;
    tree->fd = tz_open_tree(AT_FDCWD, tree->path, TZ_OPEN_TREE_CLONE | O_CLOEXEC | recursive);
    if (tree->fd < 0) fail("open_tree", tree->path);
    if (!user) tree->flags &= ~(unsigned)TREE_IDMAP;
    /* A copy is a peer of what it was copied from: where / is shared, as systemd has it, a mount in the one would
     * appear in the other. */
    struct tz_mount_attr attr = {.propagation = MS_PRIVATE};
    if ((tree->flags & TREE_IDMAP) == 0) attr.set = tree->attributes;
    if (tz_mount_setattr(tree->fd, "", TZ_AT_EMPTY_PATH | recursive, &attr) != 0) fail("mount_setattr", tree->path);
  }
}

void host_close_trees(void) {
  for (int i = 0; i < settings.tree_count; i++) {
    if (settings.trees[i].fd >= 0) close(settings.trees[i].fd);
    settings.trees[i].fd = -1;
  }
  host_close_joins();
}

void host_close_joins(void) {
  for (int i = 0; i < settings.join_count; i++) close(settings.join_fds[i]);
}

int host_enter_private(void) {
  int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (own < 0) fail("open", "/proc/self/ns/mnt");
  if (unshare(CLONE_NEWNS) != 0) fail("unshare", "mnt");
  /* Slave, not private: what the host unmounts meanwhile goes here too. */
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) fail("mount", "/");
  if (mount("tmpfs", settings.staging, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=256k") != 0) {
    fail("mount", settings.staging);
  }
  return own;
}

/* <staging>/<slot>, made as a file or directory like the tree. */
static void attach_slot(const struct tree *tree) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", settings.staging, tree->slot);
  struct stat info;
  if (fstat(tree->fd, &info) != 0) fail("fstat", tree->path);
  if (S_ISDIR(info.st_mode)) {
    if (mkdir(path, 0755) != 0) fail("mkdir", path);
  } else {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) fail("open", path);
    close(fd);
  }
  if (tz_move_mount(tree->fd, "", AT_FDCWD, path, TZ_MOVE_MOUNT_F_EMPTY_PATH) != 0) fail("move_mount", tree->path);
}

static void attach_cover(const struct cover *cover) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", settings.staging, cover->slot);
  int slot = open(path, O_PATH | O_CLOEXEC);
  if (slot < 0) fail("open", path);
  int target = tz_openat2(slot, cover->path, O_PATH, 0, TZ_RESOLVE_IN_ROOT | TZ_RESOLVE_NO_MAGICLINKS);
  if (target < 0) fail("openat2", cover->path);
  const struct tree *with = tree_find(cover->with);
  if ((with->flags & TREE_LOCKED) == 0) fail_with(EINVAL, "", cover->with, "a cover has to be a locked tree");
  unsigned flags = TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH;
  if (tz_move_mount(with->fd, "", target, "", flags) != 0) fail("move_mount", cover->path);
  close(target);
  close(slot);
}

static bool covers_another(const struct tree *tree) {
  for (int i = 0; i < settings.cover_count; i++) {
    if (strcmp(settings.covers[i].with, tree->slot) == 0) return true;
  }
  return false;
}

void host_attach_locked(void) {
  mode_t mask = umask(0);
  for (int i = 0; i < settings.tree_count; i++) {
    const struct tree *tree = &settings.trees[i];
    if ((tree->flags & TREE_LOCKED) == 0 || covers_another(tree)) continue;
    report_step("tree.open", tree->op);
    attach_slot(tree);
  }
  for (int i = 0; i < settings.cover_count; i++) {
    report_step("tree.cover", settings.covers[i].op);
    attach_cover(&settings.covers[i]);
  }
  umask(mask);
}

void host_leave_private(int own_namespace) {
  /* The private namespace lives on in the child until that has made its own copy. */
  if (setns(own_namespace, CLONE_NEWNS) != 0) fail("setns", "mnt");
  close(own_namespace);
}
