/* A process that can touch nothing but one directory, and lookups that stay below it. */
#include "unpack_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compat.h"
#include "unpack_report.h"

enum { CAP_VERSION_3 = 0x20080522 };

int unpack_open_in_root(int root, const char *path, int flags, mode_t mode) {
  int fd;

  /* A rename anywhere can make the kernel give up with EAGAIN (openat2(2)). */
  for (int tries = 0; tries < 1000; tries++) {
    fd = tz_openat2(root, path, (unsigned)flags, mode, TZ_RESOLVE_IN_ROOT | TZ_RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

void unpack_new_namespaces(const char *dir) {
  int target = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

  if (target < 0) unpack_die(errno, "open the root", dir);
  if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) unpack_die(errno, "unshare", dir);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) unpack_die(errno, "make the mounts private", "/");
  close(target);
}

void unpack_pivot(int tree, const char *dir) {
  if (fchdir(tree) < 0) unpack_die(errno, "chdir", dir);
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    if (umount2(".", MNT_DETACH) < 0) unpack_die(errno, "detach the old root", dir);
  } else if (errno != EINVAL || chroot(".") < 0) /* EINVAL: the old root is the initial ramfs, which can't be moved */
    unpack_die(errno, "pivot_root", dir);
  if (chdir("/") < 0) unpack_die(errno, "chdir", "/");
  close(tree);
}

static void enter_root(const char *dir) {
  struct tz_mount_attr attributes = {.set = TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC};
  int target, tree;

  unpack_new_namespaces(dir);
  /* Opened again: a tree can only be cloned from the process's own mount namespace. */
  target = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
  tree = target < 0 ? -1 : tz_open_tree(target, "", TZ_OPEN_TREE_CLONE | O_CLOEXEC | TZ_AT_EMPTY_PATH);
  if (tree < 0) unpack_die(errno, "open_tree", dir);
  if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH, &attributes) < 0) unpack_die(errno, "mount_setattr", dir);
  if (tz_move_mount(tree, "", target, "", TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH) < 0)
    unpack_die(errno, "move_mount", dir);
  close(target);
  unpack_pivot(tree, dir);
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

void unpack_drop(uint64_t caps) {
  keep_capabilities(caps);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) unpack_die(errno, "no_new_privs", "");
}

static int confine(const char *dir, bool here, int last, uint64_t caps) {
  int root;

  tz_close_range((unsigned)last + 1, ~0u, 0);
  if (!here) enter_root(dir);
  root = open(here ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) unpack_die(errno, "open the root", dir);
  if (!here) keep_capabilities(caps);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) unpack_die(errno, "no_new_privs", "");
  return root;
}

int unpack_confine(const char *dir, bool here, uint64_t caps) {
  return confine(dir, here, 2, caps);
}

int unpack_confine_keeping(const char *dir, int last, uint64_t caps) {
  return confine(dir, false, last, caps);
}

void unpack_raise_file_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}
