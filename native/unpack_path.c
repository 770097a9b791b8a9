/* Names of entries made clean, and the directories they lie in. */
#include "unpack_path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_confine.h"
#include "unpack_report.h"
#include "unpack_whiteout.h"

static int root_fd = -1;
/* Archives go directory by directory, so the last parent serves most entries. */
static char parent_path[UNPACK_PATH_MAX];
static int parent_fd = -1;

bool unpack_clean_path(char clean[UNPACK_PATH_MAX], const char *path, unsigned strip) {
  size_t used = 0;
  bool any = false;

  while (*path != '\0') {
    size_t length = strcspn(path, "/");

    if (length == 2 && path[0] == '.' && path[1] == '.') unpack_die(0, "a name has \"..\" in it", NULL);
    if (length > 0 && !(length == 1 && path[0] == '.')) {
      if (strip > 0)
        strip--;
      else {
        if (used + length + 2 > UNPACK_PATH_MAX) unpack_die(0, "a name is too long", NULL);
        if (any) clean[used++] = '/';
        memcpy(clean + used, path, length);
        used += length;
        any = true;
      }
    }
    path += length;
    path += *path == '/';
  }
  clean[used] = '\0';
  return any || strip == 0;
}

void unpack_path_init(int root) {
  root_fd = root;
}

void unpack_path_forget(void) {
  if (parent_fd >= 0 && parent_fd != root_fd) close(parent_fd);
  parent_fd = -1;
}

/* A layer may say nothing of a directory that a layer below has: these have a mode of their own everywhere. */
static mode_t implied_mode(const char *path) {
  if (strcmp(path, "tmp") == 0 || strcmp(path, "var/tmp") == 0) return 01777;
  return strcmp(path, "root") == 0 ? 0700 : 0755;
}

/* A whiteout of the same layer gives way to the directory, which then shows nothing of those below. */
static int make_over_whiteout(int parent, const char *name) {
  if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, 0755) < 0) return -1;
  unpack_make_opaque(parent, name);
  return 0;
}

/* Like mkdir -p: implied directories belong to the writer. */
static int make_directories(const char *path) {
  char part[UNPACK_PATH_MAX];
  int at = root_fd, next;
  const char *slash = path;

  for (;;) {
    const char *name = slash;
    size_t length = strcspn(name, "/");

    slash = name + length;
    memcpy(part, path, (size_t)(slash - path));
    part[slash - path] = '\0';
    next = unpack_open_in_root(root_fd, part, O_PATH | O_DIRECTORY, 0);
    if (next < 0 && errno == ENOTDIR && unpack_at_whiteout(at, part + (name - path))) {
      if (make_over_whiteout(at, part + (name - path)) < 0) return -1;
      next = unpack_open_in_root(root_fd, part, O_PATH | O_DIRECTORY, 0);
    } else if (next < 0 && errno == ENOENT) {
      if (mkdirat(at, part + (name - path), implied_mode(part)) < 0 && errno != EEXIST) return -1;
      next = unpack_open_in_root(root_fd, part, O_PATH | O_DIRECTORY, 0);
    }
    if (at != root_fd) close(at);
    if (next < 0 || *slash == '\0') return next;
    at = next;
    slash++;
  }
}

int unpack_parent(const char *path, const char **name, bool make) {
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);

  *name = slash == NULL ? path : slash + 1;
  if (parent_fd >= 0 && strlen(parent_path) == length && memcmp(parent_path, path, length) == 0) return parent_fd;
  unpack_path_forget();
  memcpy(parent_path, path, length);
  parent_path[length] = '\0';
  if (length == 0)
    parent_fd = root_fd;
  else
    parent_fd = unpack_open_in_root(root_fd, parent_path, O_PATH | O_DIRECTORY, 0);
  if (parent_fd < 0 && (errno == ENOENT || errno == ENOTDIR) && make) parent_fd = make_directories(parent_path);
  return parent_fd;
}
