/*
 * tszone-helper merge --in LAYERS --to NAME LAYER…: the layer LAYERS/NAME/tree, which shows what the others, topmost first, show
 * together. Files are not copied: they become one file with those of the layers, which nobody writes to. What is deleted in a layer
 * stays deleted: an image lies below all of them.
 *
 * tszone-helper merge --into DIR TREE…: the same in DIR/upper, which is there and empty, of trees of other file systems: files are
 * copied, and those that have several names in one layer keep them.
 */
#include "merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "copy_file.h"
#include "copy_names.h"
#include "unpack_confine.h"
#include "unpack_parts.h"
#include "unpack_report.h"

enum { MAX_DEPTH = 2048, DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static const char opaque_name[] = "user.overlay.opaque";

static void merge(int from, int to, int depth);

/* What was copied of the layer that is worked on, by inode; -1: files are linked. */
static int copies = -1;

static void link_entry(int from, int to, const char *name, struct stat *source) {
  char known[32];
  struct stat made;

  copy_remove_tree(to, name);
  snprintf(known, sizeof known, "%" PRIu64, (uint64_t)source->st_ino);
  if (copies < 0 ? linkat(from, name, to, name, 0) == 0 : linkat(copies, known, to, name, 0) == 0) return;
  if (errno != EMLINK && (copies < 0 || errno != ENOENT)) unpack_die(errno, "make a hard link", name);
  if (!copy_entry(from, to, name, source, &made)) unpack_die(errno, "copy", name);
  if (copies >= 0 && source->st_nlink > 1 && linkat(to, name, copies, known, 0) < 0 && errno != EEXIST)
    unpack_die(errno, "make a hard link", name);
}

/* One that is there is added to, unless the layer has another in its place. */
static void merge_directory(int from, int to, const char *name, int depth) {
  int in = openat(from, name, DIRECTORY), out;
  bool was_opaque = false;
  struct stat st, there;

  if (in < 0 || fstat(in, &st) < 0) unpack_die(errno, "open a directory", name);
  if (fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && (!S_ISDIR(there.st_mode) || copy_is_opaque(in)))
    copy_remove_tree(to, name);
  if (mkdirat(to, name, 0700) < 0 && errno != EEXIST) unpack_die(errno, "create a directory", name);
  out = openat(to, name, DIRECTORY);
  if (out < 0) unpack_die(errno, "open a directory", name);
  was_opaque = copy_is_opaque(out);
  merge(in, out, depth + 1);
  copy_directory_attributes(in, out, &st);
  if (was_opaque && fsetxattr(out, opaque_name, "y", 1, 0) < 0) unpack_die(errno, "set an attribute", name);
  copy_directory_times(out, &st);
  close(in);
  close(out);
}

static void merge(int from, int to, int depth) {
  struct copy_names names = copy_read_names(from);

  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", "");
  for (size_t i = 0; i < names.count; i++) {
    struct stat st;

    if (fstatat(from, names.list[i], &st, AT_SYMLINK_NOFOLLOW) < 0) unpack_die(errno, "look up", names.list[i]);
    if (S_ISDIR(st.st_mode))
      merge_directory(from, to, names.list[i], depth);
    else
      link_entry(from, to, names.list[i], &st);
  }
  copy_free_names(&names);
}

static int open_directory(int parent, const char *name) {
  int fd = openat(parent, name, DIRECTORY);

  if (fd < 0) unpack_die(errno, "open a directory", name);
  return fd;
}

static void merge_tree(int tree, int to) {
  struct stat st;

  if (fstat(tree, &st) < 0) unpack_die(errno, "look at a layer", "");
  merge(tree, to, 0);
  copy_directory_attributes(tree, to, &st);
  copy_directory_times(to, &st);
  close(tree);
}

static void merge_layer(int layers, const char *name, int to) {
  int layer = open_directory(layers, name);

  merge_tree(open_directory(layer, "tree"), to);
  close(layer);
}

/* Each tree is a mount of its own. */
static int merge_into(int count, char **dirs, uint64_t caps) {
  static struct unpack_parts parts;
  int target, to;

  for (int i = 0; i < count; i++) {
    unpack_add_part(&parts, dirs[i]);
    unpack_add_dir(&parts, dirs[i]);
  }
  unpack_confine_parts(&parts, 0, caps);
  umask(0);
  target = open_directory(parts.list[0]->root, ".");
  to = open_directory(target, "upper");
  for (int i = count - 1; i > 0; i--) {
    copy_remove_tree(target, "copies");
    if (mkdirat(target, "copies", 0700) < 0) unpack_die(errno, "create a directory", "copies");
    copies = open_directory(target, "copies");
    merge_tree(open_directory(parts.list[i]->root, "."), to);
    close(copies);
  }
  copy_remove_tree(target, "copies");
  if (syncfs(target) < 0) unpack_die(errno, "sync", dirs[0]);
  return 0;
}

int merge_main(int argc, char **argv) {
  uint64_t caps = UNPACK_CAP(UNPACK_CAP_CHOWN) | UNPACK_CAP(UNPACK_CAP_DAC_OVERRIDE) |
                  UNPACK_CAP(UNPACK_CAP_DAC_READ_SEARCH) | UNPACK_CAP(UNPACK_CAP_FOWNER) |
                  UNPACK_CAP(UNPACK_CAP_FSETID) | UNPACK_CAP(UNPACK_CAP_MKNOD) | UNPACK_CAP(UNPACK_CAP_SETFCAP);
  int layers, layer, to;

  unpack_raise_file_limit();
  if (argc >= 4 && strcmp(argv[1], "--into") == 0) return merge_into(argc - 2, argv + 2, caps);
  if (argc < 6 || strcmp(argv[1], "--in") != 0 || strcmp(argv[3], "--to") != 0)
    unpack_die(EINVAL, "usage: merge --in LAYERS --to NAME LAYER…", "");
  for (int i = 4; i < argc; i++)
    if (*argv[i] == '\0' || *argv[i] == '.' || strchr(argv[i], '/') != NULL) unpack_die(EINVAL, "not a name", argv[i]);
  layers = unpack_confine(argv[2], false, caps);
  umask(0);
  if (mkdirat(layers, argv[4], 0700) < 0 && errno != EEXIST) unpack_die(errno, "create a directory", argv[4]);
  layer = open_directory(layers, argv[4]);
  copy_remove_tree(layer, "new");
  if (mkdirat(layer, "new", 0700) < 0) unpack_die(errno, "create a directory", "new");
  to = open_directory(layer, "new");
  for (int i = argc - 1; i > 4; i--) merge_layer(layers, argv[i], to);
  if (syncfs(layer) < 0) unpack_die(errno, "sync", argv[4]);
  if (renameat(layer, "new", layer, "tree") < 0) unpack_die(errno, "give the layer its name", argv[4]);
  if (fsync(layer) < 0) unpack_die(errno, "sync", argv[4]);
  return 0;
}
