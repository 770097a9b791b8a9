/* A process that can touch nothing but one directory, and lookups that stay below it. */
#include "unpack_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "unpack_report.h"

/* musl-gcc does not see the kernel's headers. The numbers are the same on every architecture (since 5.1). */
enum {
  NR_OPEN_TREE = 428,
  NR_MOVE_MOUNT = 429,
  NR_CLOSE_RANGE = 436,
  NR_OPENAT2 = 437,
  NR_MOUNT_SETATTR = 442,
  TREE_CLONE = 1,
  MOVE_FROM_EMPTY = 0x4,
  MOVE_TO_EMPTY = 0x40,
  ATTR_NOSUID = 0x2,
  ATTR_NODEV = 0x4,
  ATTR_NOEXEC = 0x8,
  IN_ROOT = 0x10,
  NO_MAGICLINKS = 0x02,
  EMPTY_PATH = 0x1000,
  CAP_VERSION_3 = 0x20080522,
};

struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

struct mount_attributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns_fd;
};

int unpack_open_in_root(int root, const char *path, int flags, mode_t mode) {
  struct how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC, .mode = mode, .resolve = IN_ROOT | NO_MAGICLINKS};
  int fd;

  /* A rename anywhere can make the kernel give up with EAGAIN (openat2(2)). */
  for (int tries = 0; tries < 1000; tries++) {
    fd = (int)syscall(NR_OPENAT2, root, path, &how, sizeof how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

static void enter_root(const char *dir) {
  struct mount_attributes attributes = {.set = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC};
  int target = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int tree;

  if (target < 0) unpack_die(errno, "open the root", dir);
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) unpack_die(errno, "unshare", dir);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) unpack_die(errno, "make the mounts private", "/");
  close(target);
  /* Opened again: a tree can only be cloned from the process's own mount namespace. */
  target = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  tree = target < 0 ? -1 : (int)syscall(NR_OPEN_TREE, target, "", TREE_CLONE | O_CLOEXEC | EMPTY_PATH);
  if (tree < 0) unpack_die(errno, "open_tree", dir);
  if (syscall(NR_MOUNT_SETATTR, tree, "", EMPTY_PATH, &attributes, sizeof attributes) < 0)
    unpack_die(errno, "mount_setattr", dir);
  if (syscall(NR_MOVE_MOUNT, tree, "", target, "", MOVE_FROM_EMPTY | MOVE_TO_EMPTY) < 0)
    unpack_die(errno, "move_mount", dir);
  if (fchdir(tree) < 0) unpack_die(errno, "chdir", dir);
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    if (umount2(".", MNT_DETACH) < 0) unpack_die(errno, "detach the old root", dir);
  } else if (errno != EINVAL || chroot(".") < 0) /* EINVAL: the old root is the initial ramfs, which can't be moved */
    unpack_die(errno, "pivot_root", dir);
  if (chdir("/") < 0) unpack_die(errno, "chdir", "/");
  close(target);
  close(tree);
}

static void keep_capabilities(uint64_t keep) {
  struct {
    uint32_t version;
    int pid;
  } header = {.version = CAP_VERSION_3};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];

  for (int cap = 0; cap < 64; cap++)
    if ((keep & UNPACK_CAP(cap)) == 0 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
      if (errno == EINVAL) /* past the kernel's last */
        break;
      unpack_die(errno, "drop a capability", "");
    }
  if (syscall(SYS_capget, &header, data) < 0) unpack_die(errno, "capget", "");
  for (int i = 0; i < 2; i++) {
    data[i].permitted &= (uint32_t)(keep >> (32 * i));
    data[i].effective = data[i].permitted;
    data[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) < 0) unpack_die(errno, "capset", "");
}

int unpack_confine(const char *dir, bool here, uint64_t caps) {
  int root;

  syscall(NR_CLOSE_RANGE, 3, ~0u, 0);
  if (!here) enter_root(dir);
  root = open(here ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) unpack_die(errno, "open the root", dir);
  if (!here) keep_capabilities(caps);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) unpack_die(errno, "no_new_privs", "");
  return root;
}
