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

static void walk(int from, int to, int base, size_t length, int depth);

/* What the source has not, the copy must not have. */
static void remove_others(int to, const struct copy_names *wanted) {
  struct copy_names there = copy_read_names(to);

  for (size_t i = 0; i < there.count; i++)
    if (wanted->count == 0 || bsearch(&there.list[i], wanted->list, wanted->count, sizeof *wanted->list, copy_by_name) == NULL)
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

static void copy_one(int from, int to, int base, const char *name, struct stat *source) {
  struct stat made, *there = fstatat(to, name, &made, AT_SYMLINK_NOFOLLOW) < 0 ? NULL : &made;

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

static void copy_directory(int from, int to, int base, const char *name, size_t length, int depth) {
  int in = openat(from, name, OPEN_DIRECTORY | O_NOATIME), out, below;
  struct stat st;

  if (in < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
    gone("a directory was replaced while it was read");
    return;
  }
  if (in < 0 || fstat(in, &st) < 0) unpack_die(errno, "open a directory", path);
  if (mkdirat(to, name, 0700) < 0) {
    struct stat there;

    if (errno != EEXIST || fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) < 0)
      unpack_die(errno, "create a directory", path);
    if (!S_ISDIR(there.st_mode)) {
      copy_remove_tree(to, name);
      if (mkdirat(to, name, 0700) < 0) unpack_die(errno, "create a directory", path);
    }
  }
  out = openat(to, name, OPEN_DIRECTORY);
  if (out < 0) unpack_die(errno, "open a directory", path);
  below = base < 0 ? -1 : openat(base, name, OPEN_DIRECTORY);
  walk(in, out, below, length, depth + 1);
  finish_directory(in, out, &st);
  close(in);
  close(out);
  if (below >= 0) close(below);
}

static void walk(int from, int to, int base, size_t length, int depth) {
  struct copy_names names = copy_read_names(from);

  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", path);
  remove_others(to, &names);
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
      copy_directory(from, to, base, name, end, depth);
    else
      copy_one(from, to, base, name, &st);
    path[length] = '\0';
  }
  copy_free_names(&names);
}

void copy_walk(const struct copy_trees *given) {
  struct stat st;

  trees = given;
  path[0] = '\0';
  unpack_set_entry(path);
  copy_counts = (struct copy_counts){0};
  for (; link_count > 0; link_count--) free(link_paths[link_count - 1]);
  free(links.slots);
  links = (struct copy_table){0};
  if (fstat(trees->from, &st) < 0) unpack_die(errno, "look at the source", "");
  walk(trees->from, trees->to, trees->base, 0, 0);
  finish_directory(trees->from, trees->to, &st);
}
