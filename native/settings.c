/* Gathers the host side's ops, see settings.h. */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "compat.h"
#include "report.h"
#include "words.h"

struct settings settings;

static const struct word ns_words[] = {
    {"user", CLONE_NEWUSER},     {"mnt", CLONE_NEWNS},    {"pid", CLONE_NEWPID},
    {"uts", CLONE_NEWUTS},       {"ipc", CLONE_NEWIPC},   {"net", CLONE_NEWNET},
    {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME}, {NULL, 0},
};

/* The mount attributes share the word with our own flags, shifted out of their way. */
enum { OWN_FLAGS_SHIFT = 32 };
static const struct word tree_words[] = {
    {"recursive", (uint64_t)TREE_RECURSIVE << OWN_FLAGS_SHIFT},
    {"idmap", (uint64_t)TREE_IDMAP << OWN_FLAGS_SHIFT},
    {"locked", (uint64_t)TREE_LOCKED << OWN_FLAGS_SHIFT},
    {"readonly", TZ_ATTR_RDONLY},
    {"nosuid", TZ_ATTR_NOSUID},
    {"nodev", TZ_ATTR_NODEV},
    {"noexec", TZ_ATTR_NOEXEC},
    {NULL, 0},
};

static const struct word stdio_words[] = {
    {"log", STDIO_LOG}, {"relay", STDIO_RELAY}, {"pty", STDIO_PTY}, {"attach", STDIO_ATTACH}, {NULL, 0}};

uint64_t parse_ns_flags(const char *text) {
  return words_parse(text, ns_words);
}

long long parse_number(const char *text) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0') fail_with(EINVAL, "", text, "not a number");
  return value;
}

struct tree *tree_find(const char *slot) {
  for (int i = 0; i < settings.tree_count; i++) {
    if (strcmp(settings.trees[i].slot, slot) == 0) return &settings.trees[i];
  }
  fail_with(ENOENT, "", slot, "no tree.open has made this slot");
}

static void need_room(bool room) {
  if (!room) fail_with(E2BIG, "", "", "too many of this op");
}

static void add_map(const struct op *op, struct map *maps, int *count) {
  need_room(*count < MAX_MAPS);
  maps[(*count)++] = (struct map){op_arg(op, 0), op_arg(op, 1), op_arg(op, 2)};
}

static void add_tree(const struct op *op) {
  need_room(settings.tree_count < MAX_TREES);
  uint64_t flags = words_parse(op_arg(op, 2), tree_words);
  settings.trees[settings.tree_count++] = (struct tree){
      .slot = op_arg(op, 0),
      .path = op_arg(op, 1),
      .flags = (unsigned)(flags >> OWN_FLAGS_SHIFT),
      .attributes = (unsigned)flags,
      .fd = -1,
      .op = op->index,
  };
}

static void add_node(const struct op *op) {
  need_room(settings.tree_count < MAX_TREES);
  settings.trees[settings.tree_count++] = (struct tree){
      .slot = op_arg(op, 0),
      .path = op_arg(op, 0),
      .fd = -1,
      .op = op->index,
      .node = (mode_t)parse_number(op_arg(op, 4)) | (strcmp(op_arg(op, 1), "b") == 0 ? S_IFBLK : S_IFCHR),
      .device = makedev((unsigned)parse_number(op_arg(op, 2)), (unsigned)parse_number(op_arg(op, 3))),
      .uid = (uid_t)parse_number(op_arg(op, 5)),
      .gid = (gid_t)parse_number(op_arg(op, 6)),
  };
  settings.any_node = true;
}

static void load_structure(const struct op *op) {
  switch ((int)op->id) {
  case OP_NS_FLAGS:
    settings.ns_flags = parse_ns_flags(op_arg(op, 0));
    break;
  case OP_NS_UIDMAP:
    add_map(op, settings.uid_maps, &settings.uid_map_count);
    break;
  case OP_NS_GIDMAP:
    add_map(op, settings.gid_maps, &settings.gid_map_count);
    break;
  case OP_TARGET:
    settings.target_pid = op_arg(op, 0);
    settings.target_start = op_arg(op, 1);
    break;
  case OP_TREE_OPEN:
    add_tree(op);
    break;
  case OP_TREE_COVER:
    need_room(settings.cover_count < MAX_COVERS);
    settings.covers[settings.cover_count++] = (struct cover){op_arg(op, 0), op_arg(op, 1), op_arg(op, 2), op->index};
    break;
  case OP_TREE_NODE:
    add_node(op);
    break;
  case OP_CGROUP_PROGRAM:
    need_room(settings.program == NULL);
    settings.program_group = op_arg(op, 0);
    settings.program = op_arg(op, 1);
    settings.program_op = op->index;
    break;
  case OP_CGROUP_JOIN:
    need_room(settings.join_count < MAX_JOINS);
    settings.joins[settings.join_count++] = op_arg(op, 0);
    break;
  case OP_CGROUP_INTO:
    settings.cgroup_into = op_arg(op, 0);
    break;
  case OP_ROOT_STAGING:
    settings.staging = op_arg(op, 0);
    break;
  case OP_EXEC_GROUP:
    need_room(op->argc - 2 <= MAX_FILLS);
    settings.group = op_arg(op, 0);
    settings.group_kind = op_arg(op, 1);
    settings.group_fill_count = op->argc - 2;
    for (int i = 2; i < op->argc; i++) settings.group_fill[i - 2] = op_arg(op, i);
    break;
  case OP_STDIO_MODE:
    settings.stdio = (enum stdio_mode)words_parse(op_arg(op, 0), stdio_words);
    break;
  case OP_STDIO_WINSIZE:
    settings.rows = (unsigned short)parse_number(op_arg(op, 0));
    settings.columns = (unsigned short)parse_number(op_arg(op, 1));
    break;
  case OP_MONITOR_LOCK:
    settings.lock = op_arg(op, 0);
    break;
  case OP_MONITOR_SHARE:
    settings.share = op_arg(op, 0);
    break;
  case OP_MONITOR_LEAVE:
    need_room(settings.leave_count < MAX_JOINS);
    settings.leave[settings.leave_count++] = op_arg(op, 0);
    break;
  case OP_MONITOR_OOMSCORE:
    settings.oomscore = op_arg(op, 0);
    break;
  case OP_MONITOR_RECORD:
    settings.record = op_arg(op, 0);
    break;
  case OP_MONITOR_HOLD:
    settings.hold = op_arg(op, 0);
    break;
  case OP_MONITOR_ENTRY:
    settings.entry = op_arg(op, 0);
    break;
  case OP_MONITOR_SOCKET:
    settings.socket = op_arg(op, 0);
    break;
  case OP_SYNC_CREATED:
    settings.has_created = true;
    break;
  case OP_SYNC_LINKS:
    settings.has_links = true;
    break;
  case OP_INIT_FORK:
    settings.has_init_fork = true;
    break;
  case OP_SYNC_PROGRAM:
    settings.has_program = true;
    break;
  case OP_SYSCTL_WRITE:
    settings.has_sysctl = true;
    break;
  case OP_APPARMOR_CHANGE:
    settings.has_apparmor = true;
    break;
  default:
    break;
  }
}

/* What the monitor needs until the zone has ended. */
static void load_lasting(const struct op *op) {
  switch ((int)op->id) {
  case OP_MONITOR_EXIT:
    settings.exit = op_arg(op, 0);
    break;
  case OP_MONITOR_OOM:
    settings.oom = op_arg(op, 0);
    break;
  case OP_MONITOR_GROUPS:
    need_room(settings.bound_count < MAX_JOINS);
    settings.bounds[settings.bound_count++] = (struct bound){op_arg(op, 0), (long)parse_number(op_arg(op, 1))};
    break;
  case OP_MONITOR_LOG:
    settings.log = op_arg(op, 0);
    settings.log_max_bytes = parse_number(op_arg(op, 1));
    settings.log_files = (int)parse_number(op_arg(op, 2));
    break;
  default:
    break;
  }
}

bool settings_outlive_start(enum op_id id) {
  return id == OP_MONITOR_EXIT || id == OP_MONITOR_OOM || id == OP_MONITOR_GROUPS || id == OP_MONITOR_LOG ||
         (id >= OP_EXIT_RMDIR && id <= OP_EXIT_SPAWN);
}

void settings_load(const struct plan *plan, bool launching) {
  settings.launching = launching;
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    report_step(op_specs[op.id].name, op.index);
    load_structure(&op);
    load_lasting(&op);
  }
  report_step("start", -1);
  for (int i = 0; i < settings.tree_count; i++) {
    /* Flags lock only when a mount namespace crosses into another user namespace. */
    if ((settings.ns_flags & CLONE_NEWUSER) == 0) settings.trees[i].flags &= ~(unsigned)TREE_LOCKED;
    if ((settings.trees[i].flags & TREE_LOCKED) != 0) settings.any_locked = true;
  }
  if (launching && settings.stdio == STDIO_ATTACH) fail_with(EINVAL, "", "attach", "only an exec can be attached");
  if ((settings.any_locked || settings.any_node) && settings.staging == NULL)
    fail_with(EINVAL, "", "", "locked trees and nodes need root.staging");
}

void settings_reload(const struct plan *plan) {
  memset(&settings.trees, 0, sizeof settings.trees[0] * (size_t)settings.tree_count);
  settings.tree_count = settings.cover_count = settings.join_count = settings.bound_count = 0;
  settings.lock = settings.share = settings.record = settings.hold = settings.entry = settings.socket =
      settings.staging = NULL;
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) load_lasting(&op);
}
