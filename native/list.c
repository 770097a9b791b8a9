/*
 * tszone-helper list --root DIR: what is in a tree that somebody may write to meanwhile, for a comparison; confined to it, no link is
 * followed. Three NUL-terminated texts an entry, a directory before what is in it:
 *
 *   its path (without a slash at its begin)
 *   TYPE MODE UID GID SIZE MTIME_NS RDEV INODE OPAQUE XATTRS   type as of ls, mode octal, OPAQUE 0 or 1, XATTRS a number that they give
 *   what a symbolic link leads to, or nothing
 *
 * --changes [--sync]: for a later look at whether anything has changed, without opening a file. Two texts an entry, the root's first:
 * its path, and INODE CTIME_NS MTIME_NS SIZE LINKS. On stderr then {"entries":N,"settled":B}: all was last changed before the list was begun
 * (with --sync: before all was on disk), so that no later change is marked with the same time.
 */
#include "list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "copy_file.h"
#include "copy_seen.h"
#include "unpack_confine.h"
#include "unpack_report.h"

enum { MAX_PATH = 4096, MAX_DEPTH = 2048, MAX_NAMES = 64 << 10, MAX_VALUE = 64 << 10 };

static char path[MAX_PATH];

static struct {
  bool is_asked, has_late;
  int64_t before_ns;
  uint64_t entries;
} changes;

static uint64_t hash(uint64_t seed, const void *data, size_t size) {
  const unsigned char *bytes = data;

  for (size_t i = 0; i < size; i++) seed = (seed ^ bytes[i]) * UINT64_C(0x100000001b3);
  return seed;
}

/* The same in whatever order the file system names them; overlay's own are not the zone's. */
static uint64_t hash_xattrs(int fd) {
  static char names[MAX_NAMES], value[MAX_VALUE];
  ssize_t size = flistxattr(fd, names, sizeof names);
  uint64_t sum = 0;

  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
    ssize_t got = strncmp(name, "user.overlay.", 13) == 0 ? -1 : fgetxattr(fd, name, value, sizeof value);

    if (got < 0 || strncmp(name, "trusted.", 8) == 0) continue;
    sum += hash(hash(UINT64_C(0xcbf29ce484222325), name, strlen(name) + 1), value, (size_t)got);
  }
  return sum;
}

static char type_of(mode_t mode) {
  if (S_ISREG(mode)) return '-';
  if (S_ISDIR(mode)) return 'd';
  if (S_ISLNK(mode)) return 'l';
  if (S_ISFIFO(mode)) return 'p';
  if (S_ISSOCK(mode)) return 's';
  return S_ISCHR(mode) ? 'c' : 'b';
}

static void print_entry(const struct stat *st, const char *target, int opaque, uint64_t xattrs) {
  int64_t time_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

  fwrite(path, 1, strlen(path) + 1, stdout);
  printf("%c %o %u %u %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %d %" PRIu64, type_of(st->st_mode),
         (unsigned)st->st_mode & 07777, (unsigned)st->st_uid, (unsigned)st->st_gid, (int64_t)st->st_size, time_ns,
         (uint64_t)st->st_rdev, (uint64_t)st->st_ino, opaque, xattrs);
  fputc('\0', stdout);
  fwrite(target, 1, strlen(target) + 1, stdout);
}

static void print_change(const struct stat *st) {
  const int64_t changed_ns = copy_changed_ns(st),
                time_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

  changes.entries++;
  changes.has_late = changes.has_late || changed_ns >= changes.before_ns;
  fwrite(path, 1, strlen(path) + 1, stdout);
  printf("%" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64, (uint64_t)st->st_ino, changed_ns, time_ns,
         (int64_t)st->st_size, (uint64_t)st->st_nlink);
  fputc('\0', stdout);
}

static void list_directory(int fd, size_t length, int depth);

static void list_other(int parent, const char *name, const struct stat *st) {
  char target[MAX_PATH] = "";
  uint64_t xattrs = 0;

  if (S_ISLNK(st->st_mode)) {
    ssize_t got = readlinkat(parent, name, target, sizeof target - 1);

    if (got < 0) return;
    target[got] = '\0';
  } else if (S_ISREG(st->st_mode)) {
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0) return;
    xattrs = hash_xattrs(fd);
    close(fd);
  }
  print_entry(st, target, 0, xattrs);
}

static void list_one(int parent, const char *name, size_t length, int depth) {
  struct stat st;
  int fd;

  /* A zone may remove and replace what it likes meanwhile. */
  if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return;
  if (changes.is_asked && !S_ISDIR(st.st_mode)) {
    print_change(&st);
    return;
  }
  if (!S_ISDIR(st.st_mode)) {
    list_other(parent, name, &st);
    return;
  }
  fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  if (fstat(fd, &st) < 0) unpack_die(errno, "look at a directory", path);
  if (changes.is_asked)
    print_change(&st);
  else
    print_entry(&st, "", copy_is_opaque(fd), hash_xattrs(fd));
  list_directory(fd, length, depth);
}

/* Takes the descriptor. */
static void list_directory(int fd, size_t length, int depth) {
  DIR *list = fdopendir(fd);
  struct dirent *found;

  if (list == NULL) unpack_die(errno, "open a directory", path);
  if (depth > MAX_DEPTH) unpack_die(ELOOP, "directories are nested too deep", path);
  while ((errno = 0, found = readdir(list)) != NULL) {
    size_t size = strlen(found->d_name), end = length + (length > 0) + size;

    if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
    if (end + 1 > sizeof path) unpack_die(ENAMETOOLONG, "a name is too long", path);
    if (length > 0) path[length] = '/';
    memcpy(path + end - size, found->d_name, size + 1);
    list_one(fd, found->d_name, end, depth + 1);
    path[length] = '\0';
  }
  /* One that has been removed since it was opened is an empty one. */
  if (errno != 0 && errno != ENOENT) unpack_die(errno, "read a directory", path);
  closedir(list);
}

/* As for a copy (copy_seen.h): what is changed from now on is marked with a later time, what lies mapped somewhere, too. */
static void begin_changes(int top, bool sync) {
  struct stat st;

  changes.is_asked = true;
  changes.before_ns = copy_notices_changes(top) ? copy_now_ns() : INT64_MIN;
  if (sync && syncfs(top) < 0) unpack_die(errno, "sync", "");
  if (fstat(top, &st) < 0) unpack_die(errno, "look at the root", "");
  print_change(&st);
}

int list_main(int argc, char **argv) {
  const bool is_plain = argc == 3, asks_changes = argc >= 4 && argc <= 5 && strcmp(argv[3], "--changes") == 0;
  const bool asks_sync = argc == 5 && strcmp(argv[4], "--sync") == 0;
  int root, top;

  if (!(is_plain || asks_changes) || (argc == 5) != asks_sync || strcmp(argv[1], "--root") != 0)
    unpack_die(EINVAL, "usage: list --root DIR [--changes [--sync]]", "");
  /* One a level of directories. */
  unpack_raise_file_limit();
  root = unpack_confine(argv[2], false, UNPACK_CAP(UNPACK_CAP_DAC_READ_SEARCH));
  top = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (top < 0) unpack_die(errno, "open the root", argv[2]);
  unpack_set_entry(path);
  if (asks_changes) begin_changes(top, asks_sync);
  list_directory(top, 0, 0);
  if (fflush(stdout) != 0) return 1;
  if (asks_changes)
    fprintf(stderr, "{\"entries\":%" PRIu64 ",\"settled\":%s}\n", changes.entries, changes.has_late ? "false" : "true");
  return 0;
}
