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
 * A PATH is looked up below DIR, links in its directories end there; without --as its last component is its name.
 * stderr, at the end: {"entries":N,"bytes":N,"skipped":N,"changed":N}: sockets are skipped; changed counts files that
 * shrank while they were read (filled up with zeros).
 */
#include "pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pack_header.h"
#include "pack_links.h"
#include "pack_outline.h"
#include "unpack_confine.h"
#include "unpack_report.h"

enum { MAX_PATH = 4096, MAX_XATTRS = 256, MAX_XATTR_NAMES = 64 << 10, MAX_XATTR_VALUE = 64 << 10, MAX_DEPTH = 2048 };

static struct { uint64_t entries, bytes, skipped, changed; } counts;

static char path[MAX_PATH];
static bool whiteouts;
static int64_t since = INT64_MAX, epoch;
static struct pack_xattr xattrs[MAX_XATTRS];
static size_t xattr_count;

static void pack_tree(int parent, const char *name, size_t path_length, int depth);

/* `user.overlay.*` is overlay's own book-keeping of a layer (overlayfs.rst); trusted.* is not the zone's. */
static bool xattr_wanted(const char *name) {
  return (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0) ||
         strcmp(name, "security.capability") == 0 || strncmp(name, "system.posix_acl_", 17) == 0;
}

static void forget_xattrs(void) {
  for (; xattr_count > 0; xattr_count--) {
    free(xattrs[xattr_count - 1].name);
    free(xattrs[xattr_count - 1].value);
  }
}

static void read_xattrs(int fd) {
  static char names[MAX_XATTR_NAMES], value[MAX_XATTR_VALUE];
  ssize_t size = flistxattr(fd, names, sizeof names);

  forget_xattrs();
  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
    ssize_t got = xattr_wanted(name) && xattr_count < MAX_XATTRS ? fgetxattr(fd, name, value, sizeof value) : -1;

    if (got >= 0)
      xattrs[xattr_count++] =
          (struct pack_xattr){unpack_strdup(name, strlen(name)), unpack_strdup(value, (size_t)got), (size_t)got};
  }
}

static void write_header(char type, const char *link, const struct stat *st) {
  struct stat shown = *st;
  struct pack_entry entry = {path, link, type, &shown, xattrs, type == '0' || type == '5' ? xattr_count : 0};

  if (shown.st_mtim.tv_sec >= since) shown.st_mtim = (struct timespec){.tv_sec = epoch};
  pack_write_header(&entry);
  counts.entries++;
}

static void copy_data(int fd, uint64_t size) {
  uint64_t left = size;

  while (left > 0) {
    size_t room;
    char *to = pack_room(&room);
    ssize_t got = read(fd, to, room < left ? room : (size_t)left);

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
  pack_zeros((512 - size % 512) % 512);
  counts.bytes += size;
}

/* Opened first and looked at then: what fstat says is true of what is read. */
static void pack_file(int fd) {
  struct stat st;
  const char *link;

  if (fd < 0 || fstat(fd, &st) < 0) unpack_die(errno, "open", path);
  if (!S_ISREG(st.st_mode)) unpack_die(0, "a file was replaced while it was read", path);
  link = st.st_nlink > 1 ? pack_link_of(&st, path) : NULL;
  if (link != NULL)
    write_header('1', link, &st);
  else {
    read_xattrs(fd);
    write_header('0', "", &st);
    copy_data(fd, (uint64_t)st.st_size);
  }
  close(fd);
}

static void pack_symlink(int parent, const char *name, const struct stat *st) {
  char text[MAX_PATH];
  ssize_t length = readlinkat(parent, name, text, sizeof text - 1);
  const char *link;

  if (length < 0) unpack_die(errno, "read a symbolic link", path);
  text[length] = '\0';
  link = st->st_nlink > 1 ? pack_link_of(st, path) : NULL;
  write_header(link != NULL ? '1' : '2', link != NULL ? link : text, st);
}

/* NAME is written with its prefix, in place of the last component. */
static void pack_whiteout(const char *name, size_t directory_length) {
  static const struct stat none = {.st_mode = S_IFREG};

  if (directory_length + strlen(name) + 5 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
  snprintf(path + directory_length, sizeof path - directory_length, ".wh.%s", name);
  forget_xattrs();
  write_header('0', "", &none);
}

static bool is_opaque(int fd) {
  char value;

  return fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that the same tree gives the same archive. */
static char **read_names(DIR *list, size_t *count) {
  char **names = NULL;
  size_t room = 0;
  struct dirent *found;

  *count = 0;
  while ((errno = 0, found = readdir(list)) != NULL) {
    if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
    if (*count == room) {
      room = room == 0 ? 64 : room * 2;
      names = unpack_alloc(names, room * sizeof *names);
    }
    names[(*count)++] = unpack_strdup(found->d_name, strlen(found->d_name));
  }
  if (errno != 0) unpack_die(errno, "read a directory", path);
  if (*count > 0) qsort(names, *count, sizeof *names, by_name);
  return names;
}

static void pack_directory(int parent, const char *name, size_t path_length, int depth) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd < 0 ? NULL : fdopendir(fd);
  struct stat st;
  char **names;
  size_t count;

  if (list == NULL || fstat(fd, &st) < 0) unpack_die(errno, "open a directory", path);
  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", path);
  read_xattrs(fd);
  strcpy(path + path_length, "/");
  write_header('5', "", &st);
  if (whiteouts && depth > 0 && is_opaque(fd)) pack_whiteout(".wh..opq", path_length + 1);
  names = read_names(list, &count);
  for (size_t i = 0; i < count; i++) {
    pack_tree(fd, names[i], path_length + 1, depth + 1);
    free(names[i]);
  }
  free(names);
  closedir(list);
}

static void pack_tree(int parent, const char *name, size_t path_length, int depth) {
  struct stat st;

  /* A name that is there when the directory is read may be gone now: only the top must exist. */
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT && depth > 0) return;
    unpack_die(errno, "look up", name);
  }
  if (depth > 0) {
    size_t length = strlen(name);

    if (path_length + length + 2 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
    memcpy(path + path_length, name, length + 1);
    path_length += length;
  }
  if (S_ISREG(st.st_mode))
    pack_file(openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  else if (S_ISDIR(st.st_mode))
    pack_directory(parent, name, path_length, depth);
  else if (S_ISLNK(st.st_mode))
    pack_symlink(parent, name, &st);
  else if (S_ISSOCK(st.st_mode))
    counts.skipped++;
  else if (whiteouts && S_ISCHR(st.st_mode) && st.st_rdev == 0)
    pack_whiteout(name, path_length - strlen(name));
  else
    write_header(S_ISCHR(st.st_mode) ? '3' : S_ISBLK(st.st_mode) ? '4' : '6', "", &st);
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
    pack_file(unpack_open_in_root(root, source, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0));
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

/* One descriptor a level of directories. */
static void raise_file_limit(void) {
  struct rlimit limit;

  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int pack_main(int argc, char **argv) {
  static const struct option names[] = {
      {"root", required_argument, NULL, 'r'},
      {"here", no_argument, NULL, 'h'},
      {"as", required_argument, NULL, 'a'},
      {"follow", no_argument, NULL, 'f'},
      {"whiteouts", no_argument, NULL, 'w'},
      {"outline", no_argument, NULL, 'o'},
      {"since", required_argument, NULL, 's'},
      {"epoch", required_argument, NULL, 'e'},
      {NULL, 0, NULL, 0},
  };
  const char *dir = NULL, *as = NULL;
  bool here = false, follow = false, outline = false;
  int option, root;

  optind = 1;
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (option == '?') unpack_die(EINVAL, "unknown option, or one without its value", "");
    dir = option == 'r' ? optarg : dir;
    as = option == 'a' ? optarg : as;
    here = here || option == 'h';
    follow = follow || option == 'f';
    whiteouts = whiteouts || option == 'w';
    outline = outline || option == 'o';
    since = option == 's' ? strtoll(optarg, NULL, 10) : since;
    epoch = option == 'e' ? strtoll(optarg, NULL, 10) : epoch;
  }
  if (dir == NULL || (optind >= argc) != outline || (as != NULL && argc - optind > 1))
    unpack_die(EINVAL, "usage: pack --root DIR [--as NAME] PATH…", "");
  raise_file_limit();
  root = unpack_confine(dir, here, UNPACK_CAP(UNPACK_CAP_DAC_READ_SEARCH));
  if (outline) {
    pack_outline(root);
    return 0;
  }
  for (; optind < argc; optind++) pack_one(root, argv[optind], as, follow);
  pack_zeros(1024);
  pack_flush();
  fprintf(stderr, "{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"skipped\":%" PRIu64 ",\"changed\":%" PRIu64 "}\n",
          counts.entries, counts.bytes, counts.skipped, counts.changed);
  return 0;
}
