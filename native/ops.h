/* The op table: the same names and argument counts as enterOps in src/helper/protocol.ts (a test compares them). */
#ifndef TSZONE_OPS_H
#define TSZONE_OPS_H

#include <stdbool.h>

#define PROTOCOL_VERSION 2

/* clang-format off */
/* X(identifier, name, number of fixed arguments, variadic, zone side) */
#define OP_LIST(X)                                    \
  X(NS_FLAGS, "ns.flags", 1, false, false)            \
  X(NS_UIDMAP, "ns.uidmap", 3, false, false)          \
  X(NS_GIDMAP, "ns.gidmap", 3, false, false)          \
  X(TARGET, "target", 2, false, false)                \
  X(TREE_OPEN, "tree.open", 3, false, false)          \
  X(TREE_COVER, "tree.cover", 3, false, false)        \
  X(TREE_NODE, "tree.node", 7, false, false)          \
  X(CGROUP_JOIN, "cgroup.join", 1, false, false)      \
  X(CGROUP_INTO, "cgroup.into", 1, false, false)      \
  X(CGROUP_PROGRAM, "cgroup.program", 2, false, false) \
  X(ROOT_STAGING, "root.staging", 1, false, false)    \
  X(EXEC_GROUP, "exec.group", 2, true, false)         \
  X(STDIO_MODE, "stdio.mode", 1, false, false)        \
  X(STDIO_WINSIZE, "stdio.winsize", 2, false, false)  \
  X(MONITOR_LOCK, "monitor.lock", 1, false, false)    \
  X(MONITOR_SHARE, "monitor.share", 1, false, false)  \
  X(MONITOR_LEAVE, "monitor.leave", 1, false, false)  \
  X(MONITOR_OOMSCORE, "monitor.oomscore", 1, false, false) \
  X(MONITOR_RECORD, "monitor.record", 1, false, false) \
  X(MONITOR_HOLD, "monitor.hold", 1, false, false)    \
  X(MONITOR_ENTRY, "monitor.entry", 1, false, false)  \
  X(MONITOR_EXIT, "monitor.exit", 1, false, false)    \
  X(MONITOR_OOM, "monitor.oom", 1, false, false)      \
  X(MONITOR_GROUPS, "monitor.groups", 2, false, false) \
  X(MONITOR_LOG, "monitor.log", 3, false, false)      \
  X(MONITOR_SOCKET, "monitor.socket", 1, false, false) \
  X(MONITOR_WENT, "monitor.went", 0, true, false)     \
  X(HOST_NL, "host.nl", 3, false, false)              \
  X(EXIT_RMDIR, "exit.rmdir", 1, false, false)        \
  X(EXIT_RMTREE, "exit.rmtree", 1, false, false)      \
  X(EXIT_UNLINK, "exit.unlink", 1, false, false)      \
  X(EXIT_NL, "exit.nl", 2, false, false)              \
  X(EXIT_LAST, "exit.last", 2, false, false)          \
  X(EXIT_UMOUNT, "exit.umount", 1, false, false)      \
  X(EXIT_SPAWN, "exit.spawn", 0, true, false)         \
  X(ENTRY_ROOT, "entry.root", 1, false, false)        \
  X(ENTRY_FREEZER, "entry.freezer", 1, false, false)  \
  X(ENTRY_GROUP, "entry.group", 1, false, false)      \
  X(ENTRY_USER, "entry.user", 1, false, false)        \
  X(ENTRY_WORKDIR, "entry.workdir", 1, false, false)  \
  X(ENTRY_LOGIN, "entry.login", 0, true, false)       \
  X(STATUS_OF, "status.of", 1, false, false)          \
  X(STATUS_LINE, "status.line", 2, true, false)       \
  X(STATUS_SINCE, "status.since", 1, false, false)    \
  X(CGROUP_ENTER, "cgroup.enter", 0, false, true)     \
  X(UTS_HOSTNAME, "uts.hostname", 1, false, true)     \
  X(UTS_DOMAIN, "uts.domain", 1, false, true)         \
  X(SYNC_MAPS, "sync.maps", 0, false, true)           \
  X(NS_UNSHARE, "ns.unshare", 1, false, true)         \
  X(SYNC_CREATED, "sync.created", 0, false, true)     \
  X(ROOT_STAGE, "root.stage", 0, false, true)         \
  X(TREE_MOVE, "tree.move", 2, false, true)           \
  X(OVERLAY_MOUNT, "overlay.mount", 4, false, true)   \
  X(ROOT_ENTER, "root.enter", 1, false, true)         \
  X(MNT_FS, "mnt.fs", 4, false, true)                 \
  X(MNT_TREE, "mnt.tree", 2, false, true)             \
  X(DEV_BIND, "dev.bind", 2, false, true)             \
  X(DEV_ADD, "dev.add", 2, false, true)               \
  X(DEV_REMOVE, "dev.remove", 3, false, true)         \
  X(SYMLINK, "symlink", 2, false, true)               \
  X(MKDIR, "mkdir", 2, false, true)                   \
  X(MNT_MASK, "mnt.mask", 1, false, true)             \
  X(MNT_READONLY, "mnt.readonly", 1, false, true)     \
  X(PROC_READONLY, "proc.readonly", 0, false, true)   \
  X(CONSOLE_MAKE, "console.make", 0, false, true)     \
  X(ROOT_ATTRIBUTES, "root.attributes", 1, false, true) \
  X(ROOT_PIVOT, "root.pivot", 0, false, true)         \
  X(FILE_WRITE, "file.write", 4, false, true)         \
  X(SYSCTL_WRITE, "sysctl.write", 2, false, true)     \
  X(SYNC_LINKS, "sync.links", 0, false, true)         \
  X(SYNC_GO, "sync.go", 0, false, true)               \
  X(SYNC_PROGRAM, "sync.program", 0, false, true)     \
  X(NL_SEND, "nl.send", 2, false, true)               \
  X(RLIMIT_SET, "rlimit.set", 3, false, true)         \
  X(PERSONALITY, "personality", 1, false, true)       \
  X(ENV_SET, "env.set", 1, false, true)               \
  X(INIT_FORK, "init.fork", 1, true, true)            \
  X(CRED_USER, "cred.user", 1, false, true)           \
  X(CRED_CAPS, "cred.caps", 4, false, true)           \
  X(CRED_NNP, "cred.nnp", 0, false, true)             \
  X(CRED_UMASK, "cred.umask", 1, false, true)         \
  X(APPARMOR_CHANGE, "apparmor.change", 1, false, true)   \
  X(SECCOMP_LOAD, "seccomp.load", 3, false, true)     \
  X(CWD, "cwd", 1, false, true)                       \
  X(EXEC_PATH, "exec.path", 0, true, true)            \
  X(EXEC_SLOT, "exec.slot", 1, true, true)            \
  X(EXEC_NONE, "exec.none", 0, false, true)
/* clang-format on */

enum op_id {
#define X(identifier, name, fixed, variadic, zone) OP_##identifier,
  OP_LIST(X)
#undef X
      OP_COUNT
};

struct op_spec {
  const char *name;
  int fixed;
  bool variadic;
  bool zone_side;
};

extern const struct op_spec op_specs[OP_COUNT];

/* OP_COUNT if there is no such op. */
enum op_id op_find(const char *name);
/* Mode `features`: prints the protocol number and the op table as JSON. */
int ops_print_features(void);

#endif
