/* Kernel constants and calls that libc headers may lack (musl-gcc sees no linux headers). Names that newer libcs also
 * define are guarded; structs carry our own names. */
#ifndef TSZONE_COMPAT_H
#define TSZONE_COMPAT_H

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers of 424 and up are the same on every architecture but alpha. */
#define TZ_SYS_pidfd_send_signal 424
#define TZ_SYS_open_tree 428
#define TZ_SYS_move_mount 429
#define TZ_SYS_fsopen 430
#define TZ_SYS_fsconfig 431
#define TZ_SYS_fsmount 432
#define TZ_SYS_pidfd_open 434
#define TZ_SYS_clone3 435
#define TZ_SYS_close_range 436
#define TZ_SYS_openat2 437
#define TZ_SYS_pidfd_getfd 438
#define TZ_SYS_mount_setattr 442
#define TZ_SYS_quotactl_fd 443

#define TZ_STATX_BTIME 0x800U
struct tz_statx {
  uint32_t mask;
  uint8_t others[76];
  int64_t btime_sec;
  uint32_t btime_nsec;
  uint8_t rest[164];
};

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#define TZ_CLONE_PIDFD 0x00001000ULL
#define TZ_CLONE_PARENT 0x00008000ULL
#define TZ_CLONE_INTO_CGROUP 0x200000000ULL

#define TZ_AT_EMPTY_PATH 0x1000
#define TZ_AT_RECURSIVE 0x8000
#define TZ_OPEN_TREE_CLONE 1
#define TZ_MOVE_MOUNT_F_EMPTY_PATH 0x04
#define TZ_MOVE_MOUNT_T_EMPTY_PATH 0x40
#define TZ_FSOPEN_CLOEXEC 1
#define TZ_FSMOUNT_CLOEXEC 1
#define TZ_FSCONFIG_SET_FLAG 0
#define TZ_FSCONFIG_SET_STRING 1
#define TZ_FSCONFIG_CMD_CREATE 6

#define TZ_ATTR_RDONLY 0x01
#define TZ_ATTR_NOSUID 0x02
#define TZ_ATTR_NODEV 0x04
#define TZ_ATTR_NOEXEC 0x08
#define TZ_ATTR_ATIME_MASK 0x70
#define TZ_ATTR_NOATIME 0x10
#define TZ_ATTR_STRICTATIME 0x20
#define TZ_ATTR_NODIRATIME 0x80
#define TZ_ATTR_NOSYMFOLLOW 0x200000
#define TZ_ATTR_IDMAP 0x00100000

#define TZ_RESOLVE_NO_XDEV 0x01
#define TZ_RESOLVE_NO_MAGICLINKS 0x02
#define TZ_RESOLVE_NO_SYMLINKS 0x04
#define TZ_RESOLVE_BENEATH 0x08
#define TZ_RESOLVE_IN_ROOT 0x10

#define TZ_BPF_PROG_LOAD 5
#define TZ_BPF_PROG_ATTACH 8
#define TZ_BPF_PROG_TYPE_CGROUP_DEVICE 15
#define TZ_BPF_CGROUP_DEVICE 6

#define TZ_SO_PEERGROUPS 59

#define TZ_TIOCGPTPEER 0x5441
#define TZ_DEVPTS_MAGIC 0x1cd1
#define TZ_PROC_MAGIC 0x9fa0
#define TZ_SYSFS_MAGIC 0x62656572

struct tz_mount_attr {
  uint64_t set, clear, propagation, userns_fd;
};

struct tz_open_how {
  uint64_t flags, mode, resolve;
};

struct tz_clone_args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* union bpf_attr has a part for each command; what is not given is 0. */
struct tz_bpf_load {
  uint32_t type, count;
  uint64_t instructions, license;
  uint32_t log_level, log_size;
  uint64_t log;
  uint32_t kernel_version, flags;
  char name[16];
};

struct tz_bpf_attach {
  uint32_t target, program, type, flags;
};

static inline int tz_bpf(int command, const void *attr, size_t size) {
  return (int)syscall(SYS_bpf, command, attr, size);
}

static inline int tz_open_tree(int dirfd, const char *path, unsigned flags) {
  return (int)syscall(TZ_SYS_open_tree, dirfd, path, flags);
}

static inline int tz_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
  return (int)syscall(TZ_SYS_move_mount, from, from_path, to, to_path, flags);
}

static inline int tz_fsopen(const char *type) {
  return (int)syscall(TZ_SYS_fsopen, type, TZ_FSOPEN_CLOEXEC);
}

static inline int tz_fsconfig(int fd, unsigned command, const char *key, const char *value) {
  return (int)syscall(TZ_SYS_fsconfig, fd, command, key, value, 0);
}

static inline int tz_fsmount(int fd, unsigned attributes) {
  return (int)syscall(TZ_SYS_fsmount, fd, TZ_FSMOUNT_CLOEXEC, attributes);
}

static inline int tz_mount_setattr(int fd, const char *path, unsigned flags, const struct tz_mount_attr *attr) {
  return (int)syscall(TZ_SYS_mount_setattr, fd, path, flags, attr, sizeof *attr);
}

static inline int tz_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct tz_open_how how = {flags | O_CLOEXEC, mode, resolve};
  return (int)syscall(TZ_SYS_openat2, dirfd, path, &how, sizeof how);
}

static inline pid_t tz_clone3(const struct tz_clone_args *args) {
  return (pid_t)syscall(TZ_SYS_clone3, args, sizeof *args);
}

static inline int tz_pidfd_open(pid_t pid) {
  return (int)syscall(TZ_SYS_pidfd_open, pid, 0);
}

static inline int tz_pidfd_send_signal(int pidfd, int number) {
  return (int)syscall(TZ_SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static inline int tz_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(TZ_SYS_close_range, first, last, flags);
}

#endif
