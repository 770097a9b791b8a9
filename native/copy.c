/*
 * tszone-helper copy --from DIR --in LAYERS --to NAME [--base NAME] [--remember [--since FILE]] [--once]: an exact copy of a tree that somebody may write to
 * meanwhile, as a layer: LAYERS/NAME/tree, and beside it LAYERS/NAME/table, from which a later copy knows which files of its source are
 * still what they were: those become one file with the base's.
 *
 * With --remember there is LAYERS/NAME/past instead of the table; given as FILE to a later copy, on another file system, that one has only what has changed
 * since, to lie on top of the copy beside FILE. If FILE is not there, or tells of another file system, the copy has all; {"done":true,"since":true} says which.
 *
 * Works in passes: the first at once, then one for each line on descriptor 0, `again` or `last`; for the last (with --once: the only)
 * the source has to stand still. A line of JSON on descriptor 1 after each, {"done":true} when the layer has its name and is on disk.
 *
 * Owners, modes, times, holes, hard links, extended attributes and whiteouts are kept. The process sees LAYERS and, read-only, DIR.
 */
#include "copy.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "copy_file.h"
#include "copy_walk.h"
#include "unpack_confine.h"
#include "unpack_report.h"

enum { SOURCE_FD = 3, DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static struct {
  const char *from, *in, *to, *base, *since;
  bool once, remember;
} options;

static struct copy_table seen, base_seen;
static struct past past, now;

static bool is_plain_name(const char *name) {
  return name == NULL || (*name != '\0' && *name != '.' && strchr(name, '/') == NULL);
}

static void parse_options(int argc, char **argv) {
  static const struct option names[] = {
      {"from", required_argument, NULL, 'f'}, {"in", required_argument, NULL, 'i'},
      {"to", required_argument, NULL, 't'},   {"base", required_argument, NULL, 'b'},
      {"once", no_argument, NULL, 'o'},       {"since", required_argument, NULL, 's'},
      {"remember", no_argument, NULL, 'r'},   {NULL, 0, NULL, 0},
  };
  int option;

  optind = 1;
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (option == '?') unpack_die(EINVAL, "unknown option, or one without its value", "");
    options.from = option == 'f' ? optarg : options.from;
    options.in = option == 'i' ? optarg : options.in;
    options.to = option == 't' ? optarg : options.to;
    options.base = option == 'b' ? optarg : options.base;
    options.since = option == 's' ? optarg : options.since;
    options.once = options.once || option == 'o';
    options.remember = options.remember || option == 'r';
  }
  if (options.from == NULL || options.in == NULL || options.to == NULL || optind < argc || !is_plain_name(options.to) ||
      !is_plain_name(options.base))
    unpack_die(EINVAL,
               "usage: copy --from DIR --in LAYERS --to NAME [--base NAME] [--remember [--since FILE]] [--once]", "");
}

/* A mount of its own: nothing in it is a device, and nothing can be written. */
static void open_source(void) {
  struct tz_mount_attr attributes = {.set = TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC,
                                     .propagation = MS_PRIVATE};
  int tree = tz_open_tree(AT_FDCWD, options.from, TZ_OPEN_TREE_CLONE | O_CLOEXEC);

  if (tree < 0) unpack_die(errno, "open the source", options.from);
  if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH, &attributes) < 0) unpack_die(errno, "mount_setattr", options.from);
  if (tree != SOURCE_FD && dup2(tree, SOURCE_FD) < 0) unpack_die(errno, "dup2", options.from);
}

static int64_t settle(int from) {
  const int64_t now_ns = copy_now_ns();

  if (syncfs(from) < 0) unpack_die(errno, "sync the source", "");
  return copy_notices_changes(from) ? now_ns : INT64_MIN;
}

static void report(void) {
  printf("{\"entries\":%" PRIu64 ",\"made\":%" PRIu64 ",\"removed\":%" PRIu64 ",\"linked\":%" PRIu64
         ",\"bytes\":%" PRIu64 ",\"shared\":%" PRIu64 "}\n",
         copy_counts.entries, copy_counts.made, copy_counts.removed, copy_counts.linked, copy_counts.bytes,
         copy_counts.shared);
  fflush(stdout);
}

/* @returns whether the next pass is the last; end of file: who asked for the copy is gone */
static bool next_is_last(void) {
  char line[16];

  if (fgets(line, sizeof line, stdin) == NULL) unpack_die(0, "nobody asked for the last pass", "");
  return strcmp(line, "last\n") == 0;
}

static int make_directory(int parent, const char *name) {
  int fd;

  if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST) unpack_die(errno, "create a directory", name);
  fd = openat(parent, name, DIRECTORY);
  if (fd < 0) unpack_die(errno, "open a directory", name);
  return fd;
}

/* -1: there is no base, or it is no copy itself. */
static int open_base(int layers) {
  int layer = options.base == NULL ? -1 : openat(layers, options.base, DIRECTORY);
  int tree = layer < 0 ? -1 : openat(layer, "tree", DIRECTORY);

  if (tree >= 0) copy_table_read(&base_seen, layer, "table");
  if (layer >= 0) close(layer);
  return tree;
}

static void finish(int layer, const struct copy_trees *trees) {
  if (options.remember)
    past_write(&now, layer, "past", past_volume(trees->from));
  else
    copy_table_write(&seen, layer, "table", trees->before_ns);
  if (syncfs(layer) < 0) unpack_die(errno, "sync", options.to);
  if (renameat(layer, "new", layer, "tree") < 0) unpack_die(errno, "give the layer its name", options.to);
  if (fsync(layer) < 0) unpack_die(errno, "sync", options.to);
  printf("{\"done\":true,\"since\":%s}\n", trees->past != NULL ? "true" : "false");
  fflush(stdout);
}

int copy_main(int argc, char **argv) {
  struct copy_trees trees = {.seen = &seen, .base_seen = &base_seen};
  uint64_t caps = UNPACK_CAP(UNPACK_CAP_CHOWN) | UNPACK_CAP(UNPACK_CAP_DAC_OVERRIDE) |
                  UNPACK_CAP(UNPACK_CAP_DAC_READ_SEARCH) | UNPACK_CAP(UNPACK_CAP_FOWNER) |
                  UNPACK_CAP(UNPACK_CAP_FSETID) | UNPACK_CAP(UNPACK_CAP_MKNOD) | UNPACK_CAP(UNPACK_CAP_SETFCAP);
  int layers, layer, since = -1;

  parse_options(argc, argv);
  /* Two a level of directories, three with a base. */
  unpack_raise_file_limit();
  open_source();
  if (options.since != NULL) since = open(options.since, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (since < 0 && options.since != NULL && errno != ENOENT) unpack_die(errno, "open what the tree was", options.since);
  if (since >= 0 && past_read(&past, since, past_volume(SOURCE_FD))) trees.past = &past;
  layers = unpack_confine_keeping(options.in, SOURCE_FD, caps);
  umask(0);
  if (options.remember) trees.now = &now;
  layer = make_directory(layers, options.to);
  trees.from = openat(SOURCE_FD, ".", DIRECTORY);
  trees.to = make_directory(layer, "new");
  if (trees.from < 0) unpack_die(errno, "open the source", options.from);
  trees.base = open_base(layers);
  trees.before_ns = settle(trees.from);
  for (trees.is_still = options.once;; trees.is_still = next_is_last()) {
    copy_walk(&trees);
    report();
    if (trees.is_still) break;
  }
  finish(layer, &trees);
  return 0;
}
