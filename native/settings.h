/* The host side's ops, which apply in any order, gathered from the plan. All strings point into the plan. */
#ifndef TSZONE_SETTINGS_H
#define TSZONE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

enum { MAX_TREES = 256, MAX_COVERS = 64, MAX_JOINS = 24, MAX_MAPS = 16, MAX_FILLS = 4 };
enum { TREE_RECURSIVE = 1, TREE_IDMAP = 2, TREE_LOCKED = 4 };
enum stdio_mode { STDIO_LOG, STDIO_RELAY, STDIO_PTY, STDIO_ATTACH };

struct tree {
  const char *slot, *path;
  unsigned flags;
  unsigned attributes; /* MOUNT_ATTR_* */
  int fd;              /* -1 until opened */
  int op;
  mode_t node; /* tree.node: its type and mode; else 0 */
  dev_t device;
  uid_t uid;
  gid_t gid;
};

struct cover {
  const char *slot, *path, *with;
  int op;
};

struct map {
  const char *inside, *outside, *count;
};

struct bound {
  const char *path;
  long most;
};

struct settings {
  bool launching;
  uint64_t ns_flags;
  struct map uid_maps[MAX_MAPS], gid_maps[MAX_MAPS];
  int uid_map_count, gid_map_count;
  const char *target_pid, *target_start;
  struct tree trees[MAX_TREES];
  int tree_count;
  struct cover covers[MAX_COVERS];
  int cover_count;
  const char *joins[MAX_JOINS];
  int join_fds[MAX_JOINS];
  int join_count;
  const char *cgroup_into, *staging;
  const char *program_group, *program;
  int program_op;
  const char *group, *group_kind, *group_fill[MAX_FILLS];
  int group_fill_count;
  enum stdio_mode stdio;
  unsigned short rows, columns;
  const char *lock, *share, *leave[MAX_JOINS], *oomscore, *record, *hold, *entry, *exit, *oom, *log, *socket;
  int leave_count;
  struct bound bounds[MAX_JOINS];
  int bound_count;
  long long log_max_bytes;
  int log_files;
  bool any_locked, any_node;
  bool has_created; /* the plan has sync.created */
  bool has_links;   /* and sync.links */
  bool has_init_fork;
  bool has_program;  /* and sync.program */
  bool has_sysctl;   /* and sysctl.write */
  bool has_apparmor; /* and apparmor.change */
};

extern struct settings settings;

/* fail()s on what makes no sense. */
void settings_load(const struct plan *plan, bool launching);
/* Points the strings that the monitor still needs into the shrunk plan. */
void settings_reload(const struct plan *plan);
bool settings_outlive_start(enum op_id id);

struct tree *tree_find(const char *slot);
uint64_t parse_ns_flags(const char *text);
/* A decimal number; fail()s on anything else. */
long long parse_number(const char *text);

#endif
