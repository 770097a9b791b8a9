/*
 * tszone-helper pack --root DIR [option…] PATH…: a PAX archive of the PATHs below DIR, on descriptor 1.
 *
 *   --here        DIR is looked up as it is; no namespaces (the payload of a zone, confined already)
 *   --as NAME     the name of the one PATH in the archive ("." puts a directory's content at the top)
 *   --whiteouts   DIR is a layer of overlay's: what it hides is written as .wh.NAME and .wh..wh..opq
 *   --outline     no PATHs: the archive that DIR was unpacked from, by its outline on descriptor 0
 *   --since S --epoch E   a time of S (seconds) or later is written as E, so that what is made again is the same
 *   --follow      a PATH that is a symbolic link means what it points to, below DIR
 *
 * Or, instead of --root and PATHs, directories of the host as they are on disk, with sockets and times of access:
 *
 *   --part NAME --dir DIR…  what lies in DIR, under NAME ("." at the top); of several DIRs, topmost first, what an
 * overlay of them shows
 *   --marks       a DIR may be a layer of overlay's: its marks are written as they are (nodes 0:0, an attribute)
 *   --skip PATH   not what has this name in the archive, nor what lies in it
 *   --first NAME  before all, a file NAME with what descriptor 0 has
 *   --no-atime    without times of access
 *   --count-first a walk before all that only counts; descriptor 0 is read when {"countedEntries":N,"countedBytes":N} has been said
 *   --progress    {"bytes":N} on stderr now and then
 *   --through WORD…  what is written goes through a program; each of its words is an option of its own
 *   --nobody      that program is nobody's, and has no network
 *   --parent PID  die when that process does
 *
 * A PATH is looked up below DIR, links in its directories end there; without --as its last component is its name.
 * stderr, at the end: {"entries":N,"bytes":N,"skipped":N,"changed":N}: sockets are skipped; changed counts files that
 * shrank while they were read (filled up with zeros), or whose type changed each time that they were looked at (left out).
 * A name that vanishes meanwhile is left out.
 */
#include "pack.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "copy_file.h"
#include "copy_names.h"
#include "pack_header.h"
#include "pack_links.h"
#include "pack_outline.h"
#include "pack_options.h"
#include "pack_sparse.h"
#include "pack_xattrs.h"
#include "unpack_confine.h"
#include "unpack_report.h"

enum { MAX_PATH = 4096, MAX_FIRST = 1 << 20, MAX_DEPTH = 2048 };

static struct pack_counts { uint64_t entries, bytes, skipped, changed; } counts;
static const struct pack_options *options;
static bool is_counting;

static char path[MAX_PATH];

/* What is written to meanwhile: gone, or another type of file since it was looked up (a link, no directory, a socket). */
enum { MAX_LOOKS = 16 };

static void pack_tree(int parent, const char *name, size_t path_length, int depth);

static bool was_replaced(int error, int depth) {
  return depth > 0 && (error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO || error == ESTALE);
}

static void write_header(char type, const char *link, const struct stat *st, uint64_t size, bool sparse) {
  struct stat shown = *st;
  struct pack_entry entry = {.path = path,
                             .link = link,
                             .type = type,
                             .st = &shown,
                             .xattrs = pack_xattrs,
                             .xattr_count = type == '1' || type == '2' ? 0 : pack_xattr_count,
                             .size = size,
                             .sparse = sparse,
                             .socket = S_ISSOCK(st->st_mode),
                             .access_time = options->first != NULL && !options->no_atime};

  if (shown.st_mtim.tv_sec >= options->since) shown.st_mtim = (struct timespec){.tv_sec = options->epoch};
  counts.entries++;
  if (!is_counting) pack_write_header(&entry);
}

static void copy_data(int fd, uint64_t offset, uint64_t size) {
  uint64_t left = size;

  counts.bytes += size;
  while (left > 0) {
    size_t room;
    char *to = pack_room(&room);
    ssize_t got = pread(fd, to, room < left ? room : (size_t)left, (off_t)(offset + size - left));

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unpack_die(errno, "read", path);
    if (got == 0) {
      counts.changed++;
      pack_zeros(left);
      break;
    }
    pack_filled((size_t)got);
    left -= (size_t)got;
  }
}

static void pad(uint64_t size) {
  pack_zeros((512 - size % 512) % 512);
}

static void pack_data(int fd, const struct stat *st) {
  uint64_t size = 0;
  const struct pack_region *regions;
  size_t count = pack_regions(fd, st, &regions), map_size;
  const char *map;

  if (count == 0) {
    write_header('0', "", st, (uint64_t)st->st_size, false);
    copy_data(fd, 0, (uint64_t)st->st_size);
    pad((uint64_t)st->st_size);
    return;
  }
  map_size = pack_map(regions, count, &map);
  for (size_t i = 0; i < count; i++) size += regions[i].size;
  write_header('0', "", st, map_size + size, true);
  pack_write(map, map_size);
  for (size_t i = 0; i < count; i++) copy_data(fd, regions[i].offset, regions[i].size);
  pad(size);
}

/* Opened first and looked at then: what fstat says is true of what is read. False: it is no file any more. */
static bool pack_file(int fd, int depth) {
  struct stat st;
  const char *link;

  if (fd < 0 && was_replaced(errno, depth)) return false;
  if (fd < 0 || fstat(fd, &st) < 0) unpack_die(errno, "open", path);
  if (!S_ISREG(st.st_mode) && depth == 0) unpack_die(0, "a file was replaced while it was read", path);
  if (!S_ISREG(st.st_mode)) {
    close(fd);
    return false;
  }
  link = st.st_nlink > 1 ? pack_link_of(fd, "", &st, path) : NULL;
  if (link != NULL)
    write_header('1', link, &st, 0, false);
  else {
    pack_read_xattrs(fd, NULL, path);
    pack_data(fd, &st);
  }
  close(fd);
  return true;
}

/* What it will be, without a look into the file. */
static void count_file(int parent, const char *name, const struct stat *st) {
  uint64_t size = (uint64_t)st->st_size, blocks = (uint64_t)st->st_blocks * 512;

  counts.entries++;
  if (st->st_nlink == 1 || pack_link_of(parent, name, st, path) == NULL) counts.bytes += blocks < size ? blocks : size;
}

/* By name: opening one would do something. A whiteout is overlay's, unless its marks are asked for. */
static void pack_node(int parent, const char *name, const struct stat *st) {
  const char *link = st->st_nlink > 1 ? pack_link_of(parent, name, st, path) : NULL;
  char type = S_ISSOCK(st->st_mode) ? '0' : S_ISCHR(st->st_mode) ? '3' : S_ISBLK(st->st_mode) ? '4' : '6';

  if (S_ISSOCK(st->st_mode) && options->parts.count == 0) {
    counts.skipped++;
    return;
  }
  pack_forget_xattrs();
  if (options->parts.count > 0 && link == NULL && fchdir(parent) == 0) pack_read_xattrs(-1, name, path);
  write_header(link != NULL ? '1' : type, link != NULL ? link : "", st, 0, false);
}

static bool pack_symlink(int parent, const char *name, const struct stat *st, int depth) {
  char text[MAX_PATH];
  ssize_t length = readlinkat(parent, name, text, sizeof text - 1);
  const char *link;

  if (length < 0 && depth > 0 && (errno == EINVAL || was_replaced(errno, depth))) return false;
  if (length < 0) unpack_die(errno, "read a symbolic link", path);
  text[length] = '\0';
  link = st->st_nlink > 1 ? pack_link_of(parent, name, st, path) : NULL;
  write_header(link != NULL ? '1' : '2', link != NULL ? link : text, st, 0, false);
  return true;
}

/* NAME is written with its prefix, in place of the last component. */
static void pack_whiteout(const char *name, size_t directory_length) {
  static const struct stat none = {.st_mode = S_IFREG};

  if (directory_length + strlen(name) + 5 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
  snprintf(path + directory_length, sizeof path - directory_length, ".wh.%s", name);
  pack_forget_xattrs();
  write_header('0', "", &none, 0, false);
}

/* In order of names, so that the same tree gives the same archive. */
static bool pack_directory(int parent, const char *name, size_t path_length, int depth) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct copy_names names;
  struct stat st;

  if (fd < 0 && was_replaced(errno, depth)) return false;
  if (fd < 0 || fstat(fd, &st) < 0) unpack_die(errno, "open a directory", path);
  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", path);
  if (!is_counting) pack_read_xattrs(fd, NULL, path);
  strcpy(path + path_length, "/");
  write_header('5', "", &st, 0, false);
  if (options->whiteouts && depth > 0 && copy_is_opaque(fd)) pack_whiteout(".wh..opq", path_length + 1);
  names = copy_read_names(fd);
  for (size_t i = 0; i < names.count; i++) pack_tree(fd, names.list[i], path_length + 1, depth + 1);
  copy_free_names(&names);
  close(fd);
  return true;
}

/* False: it is another type of file by now. */
static bool pack_looked_up(int parent, const char *name, size_t path_length, int depth, const struct stat *st) {
  if (S_ISREG(st->st_mode) && is_counting)
    count_file(parent, name, st);
  else if (S_ISREG(st->st_mode))
    return pack_file(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), depth);
  else if (S_ISDIR(st->st_mode))
    return pack_directory(parent, name, path_length, depth);
  else if (S_ISLNK(st->st_mode))
    return pack_symlink(parent, name, st, depth);
  else if (options->whiteouts && S_ISCHR(st->st_mode) && st->st_rdev == 0)
    pack_whiteout(name, path_length - strlen(name));
  else
    pack_node(parent, name, st);
  return true;
}

static void pack_tree(int parent, const char *name, size_t path_length, int depth) {
  struct stat st;

  if (depth > 0) {
    size_t length = strlen(name);

    if (path_length + length + 2 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
    memcpy(path + path_length, name, length + 1);
    path_length += length;
  }
  if (depth > 0 && options->skip != NULL && strcmp(path, options->skip) == 0) return;
  for (int looks = 0; looks < MAX_LOOKS; looks++) {
    /* A name that is there when the directory is read may be gone now: only the top must exist. */
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
      if (was_replaced(errno, depth)) return;
      unpack_die(errno, "look up", name);
    }
    if (pack_looked_up(parent, name, path_length, depth, &st)) return;
  }
  counts.changed++;
}

/* The last component of a path; "." for the root, a directory's content then lies at the top. */
static const char *name_of(char *text) {
  size_t length = strlen(text);
  char *slash;

  while (length > 0 && text[length - 1] == '/') text[--length] = '\0';
  slash = strrchr(text, '/');
  return length == 0 ? "." : slash == NULL ? text : slash + 1;
}

/* SOURCE itself, links followed below the root. */
static void pack_followed(int root, const char *source) {
  int fd = unpack_open_in_root(root, source, O_PATH, 0);
  struct stat st;

  if (fd < 0 || fstat(fd, &st) < 0) unpack_die(errno, "look up", source);
  if (S_ISDIR(st.st_mode))
    pack_tree(fd, ".", strlen(path), 0);
  else if (S_ISREG(st.st_mode))
    pack_file(unpack_open_in_root(root, source, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), 0);
  else
    unpack_die(0, "neither a file nor a directory", source);
  close(fd);
}

static void pack_one(int root, char *source, const char *as, bool follow) {
  const char *name = name_of(source);
  bool is_dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
  char *directory;
  int parent;

  if (snprintf(path, sizeof path, "%s", as != NULL ? as : is_dots ? "." : name) >= (int)sizeof path)
    unpack_die(ENAMETOOLONG, "a name is too long", as);
  unpack_set_entry(path);
  if (is_dots || follow) {
    pack_followed(root, *source == '\0' ? "." : source);
    return;
  }
  directory = unpack_strdup(source, (size_t)(name - source));
  parent = unpack_open_in_root(root, *directory == '\0' ? "." : directory, O_PATH | O_DIRECTORY, 0);
  if (parent < 0) unpack_die(errno, "look up", source);
  pack_tree(parent, name, strlen(path), 0);
  close(parent);
  free(directory);
}

static void pack_parts(const struct unpack_parts *parts) {
  for (size_t i = 0; i < parts->count; i++) {
    const struct unpack_part *part = parts->list[i];

    snprintf(path, sizeof path, "%s", part->name);
    pack_tree(part->root, ".", strlen(path), 0);
    pack_forget_links();
  }
}

/* Not for nothing: what is looked up here need not be looked up again. */
static void count_first(void) {
  is_counting = true;
  pack_parts(&options->parts);
  is_counting = false;
  fprintf(stderr, "{\"countedEntries\":%" PRIu64 ",\"countedBytes\":%" PRIu64 "}\n", counts.entries, counts.bytes);
  counts = (struct pack_counts){0};
}

/* Held in memory: its size comes before it. Nothing but a plain header: whoever reads it need not know any other. */
static void pack_first(const char *name) {
  static char content[MAX_FIRST];
  size_t size = 0;
  ssize_t got;
  struct stat st = {.st_mode = S_IFREG | 0644};
  struct pack_entry entry = {.path = name, .link = "", .type = '0', .st = &st};

  while ((got = read(STDIN_FILENO, content + size, sizeof content - size)) > 0) size += (size_t)got;
  if (got < 0) unpack_die(errno, "read", name);
  if (size == sizeof content) unpack_die(E2BIG, "too large", name);
  st.st_mtim.tv_sec = time(NULL);
  entry.size = size;
  pack_write_header(&entry);
  pack_write(content, size);
  pad(size);
  counts.entries++;
}

int pack_main(int argc, char **argv) {
  const uint64_t caps = UNPACK_CAP(UNPACK_CAP_DAC_READ_SEARCH);
  static struct pack_options given;
  int root, at = pack_parse(&given, argc, argv);

  options = &given;
  pack_xattrs_marks = given.marks;
  /* One a level of directories. */
  unpack_raise_file_limit();
  if (given.progress) pack_show_progress();
  if (given.parts.count > 0) {
    unpack_through_start(&given.through, STDOUT_FILENO);
    unpack_confine_parts(&given.parts, 1, caps);
    unpack_set_entry(path);
    if (given.count_first) count_first();
    if (given.first != NULL) pack_first(given.first);
    pack_parts(&given.parts);
  } else {
    root = unpack_confine(given.root, given.here, caps);
    if (given.outline) {
      pack_outline(root);
      return 0;
    }
    for (; at < argc; at++) pack_one(root, argv[at], given.as, given.follow);
  }
  pack_zeros(1024);
  pack_flush();
  unpack_through_end(STDOUT_FILENO);
  fprintf(stderr, "{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"changed\":%" PRIu64 "}\n",
          counts.entries, counts.bytes, counts.skipped, counts.changed);
  return 0;
}
