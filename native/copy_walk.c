/*
 * Makes one tree like another. Every name is looked up in an open directory without following links, so that nobody who renames things
 * in the source meanwhile can lead out of it. A file of the copy may be one file with an earlier copy's, so it is never written again:
 * what has changed is made anew.
 */
#include "copy_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "copy_file.h"
#include "copy_names.h"
#include "unpack_report.h"

enum { MAX_PATH = 4096, MAX_DEPTH = 2048, OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static const struct copy_trees *trees;
static char path[MAX_PATH];

/* Of this pass: inode of the source (copy) → inode of the copy (source), and under which path it lies (changed_ns, an index). */
static struct copy_table links;
static char **link_paths;
static size_t link_count;

/* A directory of the copy: made when something is to be in it, where it lies on top of an earlier copy. */
struct level {
  struct level *above;
  const char *name;
  int to;
  /* It hides what lies below it: nothing is left out. */
  bool is_full;
};

static void walk(int from, struct level *at, int base, size_t length, int depth);

/* What the source has not, the copy must not have. */
static void remove_others(int to, const struct copy_names *wanted) {
  struct copy_names there = copy_read_names(to);

  for (size_t i = 0; i < there.count; i++)
    if (wanted->count == 0 ||
        bsearch(&there.list[i], wanted->list, wanted->count, sizeof *wanted->list, copy_by_name) == NULL)
      copy_remove_tree(to, there.list[i]);
  copy_free_names(&there);
}

static void gone(const char *what) {
  if (trees->is_still) unpack_die(ENOENT, what, path);
}

static bool is_settled(int64_t changed_ns) {
  return changed_ns < trees->before_ns;
}

static bool is_same(const struct copy_table *table, uint64_t copy, const struct stat *source) {
  const struct copy_state *state = copy_table_find(table, copy);
  int64_t changed_ns = copy_changed_ns(source);

  return state != NULL && state->source == source->st_ino && state->changed_ns == changed_ns && is_settled(changed_ns);
}

static unsigned pass;

/* What lay here at the earlier copy. */
static const struct past_entry *note_past(const struct stat *source, bool is_opaque) {
  int64_t changed_ns = copy_changed_ns(source);
  struct past_entry *was = trees->past == NULL ? NULL : past_find(trees->past, path);

  if (trees->now != NULL) past_put(trees->now, path, source, is_settled(changed_ns) ? changed_ns : -1, is_opaque);
  if (was != NULL) was->met = pass;
  return was;
}

/* Whether it is to be there; what is still what it was is left out. */
static bool is_needed(const struct level *at, const struct past_entry *was, const struct stat *source) {
  return at->is_full || was == NULL || was->changed_ns != copy_changed_ns(source) || was->inode != source->st_ino ||
         was->mode != source->st_mode;
}

static int out_of(struct level *at) {
  int parent;
  struct stat there;

  if (at->to >= 0) return at->to;
  parent = out_of(at->above);
  if (mkdirat(parent, at->name, 0700) < 0) {
    if (errno != EEXIST || fstatat(parent, at->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
      unpack_die(errno, "create a directory", path);
    if (!S_ISDIR(there.st_mode)) {
      copy_remove_tree(parent, at->name);
      if (mkdirat(parent, at->name, 0700) < 0) unpack_die(errno, "create a directory", path);
    }
  }
  at->to = openat(parent, at->name, OPEN_DIRECTORY);
  if (at->to < 0) unpack_die(errno, "open a directory", path);
  return at->to;
}

/* What was here at the earlier copy, and is not any more: overlay's mark for that (overlayfs.rst). */
static void hide_gone(struct level *at, const struct past_entry *was) {
  if (was == NULL || !trees->is_still || at->is_full) return;
  for (size_t i = was->child; i != 0; i = trees->past->entries[i].next) {
    const struct past_entry *entry = &trees->past->entries[i];
    const char *slash = strrchr(entry->path, '/'), *name = slash == NULL ? entry->path : slash + 1;

    if (entry->met == pass) continue;
    if (mknodat(out_of(at), name, S_IFCHR, 0) < 0) unpack_die(errno, "hide what is gone", entry->path);
    copy_counts.removed++;
  }
}

static void note_link(const struct stat *source, uint64_t copy) {
  if (source->st_nlink < 2) return;
  link_paths = unpack_alloc(link_paths, (link_count + 1) * sizeof *link_paths);
  link_paths[link_count] = unpack_strdup(path, strlen(path));
  copy_table_put(&links, (struct copy_state){source->st_ino, copy, (int64_t)link_count++});
}

static void note(const struct stat *source, uint64_t copy) {
  copy_table_put(trees->seen, (struct copy_state){copy, source->st_ino, copy_changed_ns(source)});
  note_link(source, copy);
}

/* Another name of what this pass has made already. */
static bool link_known(int to, const char *name, const struct stat *source, const struct stat *there) {
  const struct copy_state *known = source->st_nlink < 2 ? NULL : copy_table_find(&links, source->st_ino);

  if (known == NULL) return false;
  if (there != NULL && there->st_ino == known->source) return true;
  if (there != NULL) copy_remove_tree(to, name);
  if (linkat(trees->to, link_paths[known->changed_ns], to, name, 0) < 0) unpack_die(errno, "make a hard link", path);
  return true;
}

/* The same file as that of the earlier copy, if it is that file's state. */
static bool link_base(int to, int base, const char *name, const struct stat *source) {
  struct stat st;

  if (base < 0 || !S_ISREG(source->st_mode) || fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  if (!S_ISREG(st.st_mode) || !is_same(trees->base_seen, st.st_ino, source)) return false;
  if (linkat(base, name, to, name, 0) < 0) {
    if (errno == EMLINK) return false;
    unpack_die(errno, "make a hard link", path);
  }
  copy_counts.linked++;
  note(source, st.st_ino);
  return true;
}

static void copy_one(int from, struct level *at, int base, const char *name, struct stat *source) {
  const struct past_entry *was = note_past(source, false);
  struct stat made, *there = NULL;
  int to;

  if (!is_needed(at, was, source)) {
    copy_counts.linked++;
    return;
  }
  to = out_of(at);
  there = fstatat(to, name, &made, AT_SYMLINK_NOFOLLOW) < 0 ? NULL : &made;
  if (link_known(to, name, source, there)) return;
  if (there != NULL && is_same(trees->seen, made.st_ino, source)) {
    note_link(source, made.st_ino);
    return;
  }
  if (there != NULL) copy_remove_tree(to, name);
  if (link_base(to, base, name, source)) return;
  if (!copy_entry(from, to, name, source, &made)) {
    gone("a file was replaced while it was read");
    return;
  }
  copy_counts.made++;
  note(source, made.st_ino);
}

static void finish_directory(int in, int out, const struct stat *source) {
  struct stat st;

  if (fstat(out, &st) < 0) unpack_die(errno, "look at a directory", path);
  if (!is_same(trees->seen, st.st_ino, source)) copy_directory_attributes(in, out, source);
  copy_table_put(trees->seen, (struct copy_state){st.st_ino, source->st_ino, copy_changed_ns(source)});
  copy_directory_times(out, source);
}

static void copy_directory(int from, struct level *above, int base, const char *name, size_t length, int depth) {
  struct level at = {.above = above, .name = name, .to = -1, .is_full = above->is_full};
  int in = openat(from, name, OPEN_DIRECTORY | O_NOATIME), below;
  const struct past_entry *was;
  bool is_opaque;
  struct stat st;

  if (in < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
    gone("a directory was replaced while it was read");
    return;
  }
  if (in < 0 || fstat(in, &st) < 0) unpack_die(errno, "open a directory", path);
  is_opaque = trees->now != NULL && copy_is_opaque(in);
  was = note_past(&st, is_opaque);
  if (is_opaque && (was == NULL || was->inode != st.st_ino || !was->is_opaque)) at.is_full = true;
  if (is_needed(&at, was, &st))
    out_of(&at);
  else if (above->to >= 0)
    at.to = openat(above->to, name, OPEN_DIRECTORY);
  below = base < 0 ? -1 : openat(base, name, OPEN_DIRECTORY);
  walk(in, &at, below, length, depth + 1);
  hide_gone(&at, was);
  if (at.to >= 0) {
    finish_directory(in, at.to, &st);
    /* What it hid is hidden by the earlier copy, which is to be seen through it. */
    if (trees->past != NULL && is_opaque && !at.is_full) copy_make_plain(at.to);
    close(at.to);
  }
  close(in);
  if (below >= 0) close(below);
}

static void walk(int from, struct level *at, int base, size_t length, int depth) {
  struct copy_names names = copy_read_names(from);

  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", path);
  if (at->to >= 0) remove_others(at->to, &names);
  for (size_t i = 0; i < names.count; i++) {
    const char *name = names.list[i];
    size_t size = strlen(name), end = length + (length > 0) + size;
    struct stat st;

    if (end + 1 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
    if (length > 0) path[length] = '/';
    memcpy(path + end - size, name, size + 1);
    copy_counts.entries++;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
      if (errno != ENOENT) unpack_die(errno, "look up", path);
      gone("look up");
    } else if (S_ISDIR(st.st_mode))
      copy_directory(from, at, base, name, end, depth);
    else
      copy_one(from, at, base, name, &st);
    path[length] = '\0';
  }
  copy_free_names(&names);
}

void copy_walk(const struct copy_trees *given) {
  struct level root = {.to = given->to};
  const struct past_entry *was;
  struct stat st;

  trees = given;
  path[0] = '\0';
  unpack_set_entry(path);
  copy_counts = (struct copy_counts){0};
  for (; link_count > 0; link_count--) free(link_paths[link_count - 1]);
  free(links.slots);
  links = (struct copy_table){0};
  if (fstat(trees->from, &st) < 0) unpack_die(errno, "look at the source", "");
  pass++;
  if (trees->now != NULL) past_clear(trees->now);
  was = note_past(&st, false);
  walk(trees->from, &root, trees->base, 0, 0);
  hide_gone(&root, was);
  finish_directory(trees->from, trees->to, &st);
}
