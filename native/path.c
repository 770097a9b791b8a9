/* Paths inside the zone's root, see path.h. */
#include "path.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "report.h"
#include "zone.h"

int path_open(const char *path, uint64_t flags, uint64_t resolve) {
  if (*path == '\0') path = ".";
  for (int tries = 0;; tries++) {
    int fd = tz_openat2(zone.root, path, flags, 0, TZ_RESOLVE_IN_ROOT | TZ_RESOLVE_NO_MAGICLINKS | resolve);
    /* EAGAIN: a rename somewhere on the system raced with a `..` of the walk. */
    if (fd >= 0 || errno != EAGAIN || tries == 100) return fd;
  }
}

/* Splits path into the text before its last component and that component. */
static void split(const char *path, char *parent, char *name) {
  size_t length = strlen(path);
  while (length > 0 && path[length - 1] == '/') length--;
  size_t start = length;
  while (start > 0 && path[start - 1] != '/') start--;
  size_t name_length = length - start;
  if (start >= PATH_MAX || name_length > NAME_MAX) fail_with(ENAMETOOLONG, "", path, "the path is too long");
  memcpy(parent, path, start);
  parent[start] = '\0';
  memcpy(name, path + start, name_length);
  name[name_length] = '\0';
  if (name_length == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    fail_with(EINVAL, "", path, "the path has no last component");
  }
}

static int open_directory(const char *path, uint64_t resolve) {
  int fd = path_open(path, O_PATH | O_DIRECTORY, resolve);
  if (fd >= 0) return fd;
  if (errno != ENOENT) fail("openat2", path);
  char name[NAME_MAX + 1];
  int above = path_parent(path, name, resolve);
  if (mkdirat(above, name, 0755) != 0 && errno != EEXIST) fail("mkdirat", path);
  close(above);
  fd = path_open(path, O_PATH | O_DIRECTORY, resolve);
  if (fd < 0) fail("openat2", path);
  return fd;
}

int path_parent(const char *path, char *name, uint64_t resolve) {
  char parent[PATH_MAX];
  split(path, parent, name);
  return open_directory(parent, resolve);
}

int path_parent_if_there(const char *path, char *name) {
  char parent[PATH_MAX];
  split(path, parent, name);
  return path_open(parent, O_PATH | O_DIRECTORY, TZ_RESOLVE_NO_SYMLINKS);
}

int path_target(const char *path, bool directory) {
  if (directory) return open_directory(path, 0);
  int fd = path_open(path, O_PATH, 0);
  if (fd >= 0) return fd;
  if (errno != ENOENT) fail("openat2", path);
  char name[NAME_MAX + 1];
  int above = path_parent(path, name, 0);
  int made = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (made < 0) fail("openat", path);
  close(made);
  fd = openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) fail("openat", path);
  close(above);
  return fd;
}
