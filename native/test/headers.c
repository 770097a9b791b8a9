/* Compiled and not linked (`make headers`): compat.h says the same as the headers of the kernel and of glibc, which
 * know each architecture's own numbers. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "compat.h"

#define SAME(ours, theirs) _Static_assert((ours) == (theirs), #ours)

SAME(TZ_SYS_pidfd_send_signal, SYS_pidfd_send_signal);
SAME(TZ_SYS_open_tree, SYS_open_tree);
SAME(TZ_SYS_move_mount, SYS_move_mount);
SAME(TZ_SYS_fsopen, SYS_fsopen);
SAME(TZ_SYS_fsconfig, SYS_fsconfig);
SAME(TZ_SYS_fsmount, SYS_fsmount);
SAME(TZ_SYS_pidfd_open, SYS_pidfd_open);
SAME(TZ_SYS_clone3, SYS_clone3);
SAME(TZ_SYS_close_range, SYS_close_range);
SAME(TZ_SYS_openat2, SYS_openat2);
SAME(TZ_SYS_pidfd_getfd, SYS_pidfd_getfd);
SAME(TZ_SYS_mount_setattr, SYS_mount_setattr);
SAME(TZ_SYS_quotactl_fd, SYS_quotactl_fd);

SAME(CLONE_NEWTIME, 0x00000080);
SAME(CLONE_NEWCGROUP, 0x02000000);
SAME(TZ_CLONE_PIDFD, CLONE_PIDFD);
SAME(TZ_CLONE_PARENT, CLONE_PARENT);
SAME(TZ_CLONE_INTO_CGROUP, CLONE_INTO_CGROUP);

SAME(TZ_AT_EMPTY_PATH, AT_EMPTY_PATH);
SAME(TZ_AT_RECURSIVE, AT_RECURSIVE);
SAME(TZ_OPEN_TREE_CLONE, OPEN_TREE_CLONE);
SAME(TZ_MOVE_MOUNT_F_EMPTY_PATH, MOVE_MOUNT_F_EMPTY_PATH);
SAME(TZ_MOVE_MOUNT_T_EMPTY_PATH, MOVE_MOUNT_T_EMPTY_PATH);
SAME(TZ_FSOPEN_CLOEXEC, FSOPEN_CLOEXEC);
SAME(TZ_FSMOUNT_CLOEXEC, FSMOUNT_CLOEXEC);
SAME(TZ_FSCONFIG_SET_FLAG, FSCONFIG_SET_FLAG);
SAME(TZ_FSCONFIG_SET_STRING, FSCONFIG_SET_STRING);
SAME(TZ_FSCONFIG_CMD_CREATE, FSCONFIG_CMD_CREATE);

SAME(TZ_ATTR_RDONLY, MOUNT_ATTR_RDONLY);
SAME(TZ_ATTR_NOSUID, MOUNT_ATTR_NOSUID);
SAME(TZ_ATTR_NODEV, MOUNT_ATTR_NODEV);
SAME(TZ_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC);
SAME(TZ_ATTR_ATIME_MASK, MOUNT_ATTR__ATIME);
SAME(TZ_ATTR_NOATIME, MOUNT_ATTR_NOATIME);
SAME(TZ_ATTR_STRICTATIME, MOUNT_ATTR_STRICTATIME);
SAME(TZ_ATTR_NODIRATIME, MOUNT_ATTR_NODIRATIME);
SAME(TZ_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW);
SAME(TZ_ATTR_IDMAP, MOUNT_ATTR_IDMAP);

SAME(TZ_STATX_BTIME, STATX_BTIME);
SAME(sizeof(struct tz_statx), sizeof(struct statx));
SAME(offsetof(struct tz_statx, mask), offsetof(struct statx, stx_mask));
SAME(offsetof(struct tz_statx, btime_sec), offsetof(struct statx, stx_btime.tv_sec));
SAME(offsetof(struct tz_statx, btime_nsec), offsetof(struct statx, stx_btime.tv_nsec));

SAME(TZ_RESOLVE_NO_XDEV, RESOLVE_NO_XDEV);
SAME(TZ_RESOLVE_NO_MAGICLINKS, RESOLVE_NO_MAGICLINKS);
SAME(TZ_RESOLVE_NO_SYMLINKS, RESOLVE_NO_SYMLINKS);
SAME(TZ_RESOLVE_BENEATH, RESOLVE_BENEATH);
SAME(TZ_RESOLVE_IN_ROOT, RESOLVE_IN_ROOT);
SAME(TZ_BPF_PROG_LOAD, BPF_PROG_LOAD);
SAME(TZ_BPF_PROG_ATTACH, BPF_PROG_ATTACH);
SAME(TZ_BPF_PROG_TYPE_CGROUP_DEVICE, BPF_PROG_TYPE_CGROUP_DEVICE);
SAME(TZ_BPF_CGROUP_DEVICE, BPF_CGROUP_DEVICE);
SAME(TZ_SO_PEERGROUPS, SO_PEERGROUPS);
SAME(TZ_TIOCGPTPEER, TIOCGPTPEER);
SAME(TZ_DEVPTS_MAGIC, DEVPTS_SUPER_MAGIC);
SAME(TZ_PROC_MAGIC, PROC_SUPER_MAGIC);
SAME(TZ_SYSFS_MAGIC, SYSFS_MAGIC);

SAME(sizeof(struct tz_mount_attr), sizeof(struct mount_attr));
SAME(offsetof(struct tz_mount_attr, userns_fd), offsetof(struct mount_attr, userns_fd));
SAME(sizeof(struct tz_open_how), sizeof(struct open_how));
SAME(offsetof(struct tz_open_how, resolve), offsetof(struct open_how, resolve));
SAME(sizeof(struct tz_clone_args), sizeof(struct clone_args));
SAME(offsetof(struct tz_clone_args, cgroup), offsetof(struct clone_args, cgroup));
SAME(offsetof(struct tz_bpf_load, license), offsetof(union bpf_attr, license));
SAME(offsetof(struct tz_bpf_load, log), offsetof(union bpf_attr, log_buf));
SAME(offsetof(struct tz_bpf_load, name), offsetof(union bpf_attr, prog_name));
SAME(offsetof(struct tz_bpf_attach, target), offsetof(union bpf_attr, target_fd));
SAME(offsetof(struct tz_bpf_attach, flags), offsetof(union bpf_attr, attach_flags));
