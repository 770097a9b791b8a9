/* Several directories as the parts of one archive: all that a confined process can see. */
#include "unpack_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "unpack_confine.h"
#include "unpack_report.h"

void unpack_add_part(struct unpack_parts *parts, const char *name) {
  struct unpack_part *part = unpack_alloc(NULL, sizeof *part);

  if (parts->count == UNPACK_MAX_PARTS) unpack_die(E2BIG, "too many parts", name);
  memset(part, 0, sizeof *part);
  part->name = name;
  parts->list[parts->count++] = part;
}

void unpack_add_dir(struct unpack_parts *parts, const char *dir) {
  struct unpack_part *part;

  if (parts->count == 0) unpack_die(EINVAL, "a directory without a part", dir);
  part = parts->list[parts->count - 1];
  if (part->count == UNPACK_MAX_TREES) unpack_die(E2BIG, "too many directories", dir);
  part->dirs[part->count++] = dir;
}

static int clone_tree(const char *dir, int read_only) {
  struct tz_mount_attr attributes = {.set = TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC | TZ_ATTR_NOATIME |
                                            (read_only ? TZ_ATTR_RDONLY : 0),
                                     .clear = TZ_ATTR_ATIME_MASK};
  int tree = tz_open_tree(AT_FDCWD, dir, TZ_OPEN_TREE_CLONE | O_CLOEXEC);

  if (tree < 0) unpack_die(errno, "open_tree", dir);
  if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH, &attributes) < 0) unpack_die(errno, "mount_setattr", dir);
  return tree;
}

static int make_fs(const char *type, const char *key, const char *value, unsigned attributes) {
  int context = tz_fsopen(type), made;

  if (context < 0) unpack_die(errno, "fsopen", type);
  if (key != NULL && tz_fsconfig(context, TZ_FSCONFIG_SET_STRING, key, value) < 0) unpack_die(errno, "fsconfig", type);
  /* What a zone has written carries its marks in the user namespace of names. */
  if (strcmp(type, "overlay") == 0 && tz_fsconfig(context, TZ_FSCONFIG_SET_FLAG, "userxattr", NULL) < 0)
    unpack_die(errno, "fsconfig", "userxattr");
  if (tz_fsconfig(context, TZ_FSCONFIG_CMD_CREATE, NULL, NULL) < 0) unpack_die(errno, "mount", type);
  made = tz_fsmount(context, attributes | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC);
  if (made < 0) unpack_die(errno, "fsmount", type);
  close(context);
  return made;
}

static void attach(int tree, const char *name) {
  if (mkdir(name, 0700) < 0) unpack_die(errno, "make a mount point", name);
  if (tz_move_mount(tree, "", AT_FDCWD, name, TZ_MOVE_MOUNT_F_EMPTY_PATH) < 0) unpack_die(errno, "move_mount", name);
  close(tree);
}

/* The working directory is the one that all is attached in. Names are short: the kernel takes one page of options. */
static void attach_part(struct unpack_part *part, const int *trees, size_t index) {
  char name[32], lowers[4096];
  size_t used = 0;

  snprintf(name, sizeof name, "%zu", index);
  if (part->count == 1) {
    attach(trees[0], name);
  } else {
    for (size_t i = 0; i < part->count; i++) {
      char lower[48];

      snprintf(lower, sizeof lower, "%zu-%zu", index, i);
      attach(trees[i], lower);
      used += (size_t)snprintf(lowers + used, sizeof lowers - used, "%s%s", i == 0 ? "" : ":", lower);
      if (used >= sizeof lowers) unpack_die(E2BIG, "too many layers", part->name);
    }
    attach(make_fs("overlay", "lowerdir", lowers, TZ_ATTR_RDONLY | TZ_ATTR_NOATIME), name);
  }
}

void unpack_confine_parts(struct unpack_parts *parts, int read_only, uint64_t caps) {
  int *trees[UNPACK_MAX_PARTS];
  const char *target;
  int stage;

  for (size_t i = 0; i < parts->count; i++)
    if (parts->list[i]->count == 0) unpack_die(EINVAL, "a part without a directory", parts->list[i]->name);
  if (parts->count == 0) unpack_die(EINVAL, "no part", "");
  tz_close_range(3, ~0u, 0);
  target = parts->list[0]->dirs[0];
  unpack_new_namespaces(target);
  for (size_t i = 0; i < parts->count; i++) {
    trees[i] = unpack_alloc(NULL, parts->list[i]->count * sizeof *trees[i]);
    for (size_t j = 0; j < parts->list[i]->count; j++) trees[i][j] = clone_tree(parts->list[i]->dirs[j], read_only);
  }
  stage = make_fs("tmpfs", "mode", "0700", 0);
  /* Attached before anything is put into it: an overlay takes no layer that no mount namespace has. */
  if (tz_move_mount(stage, "", AT_FDCWD, target, TZ_MOVE_MOUNT_F_EMPTY_PATH) < 0)
    unpack_die(errno, "move_mount", target);
  if (fchdir(stage) < 0) unpack_die(errno, "chdir", target);
  for (size_t i = 0; i < parts->count; i++) {
    attach_part(parts->list[i], trees[i], i);
    free(trees[i]);
  }
  unpack_pivot(stage, target);
  for (size_t i = 0; i < parts->count; i++) {
    char name[32];

    snprintf(name, sizeof name, "%zu", i);
    parts->list[i]->root = open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (parts->list[i]->root < 0) unpack_die(errno, "open the root", parts->list[i]->name);
  }
  unpack_drop(caps);
}
