/* The bound on a zone's groups, see bound.h. */
#include "bound.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "settings.h"

/* What a zone makes between two looks comes on top of what it may make. */
enum { LOOK_MS = 100, DEEPEST = 16, TABLE_BYTES = 2048 };

/* /proc/cgroups has the number of groups of each hierarchy of the machine: while that is the same, so are the zone's.
 */
static char known[TABLE_BYTES];
static long long looked_at_ms;

static bool table_has_changed(void) {
  char table[TABLE_BYTES] = "";
  int fd = open("/proc/cgroups", O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, table, sizeof table - 1);
  if (fd >= 0) close(fd);
  if (n > 0 && strcmp(table, known) == 0) return false;
  memcpy(known, table, sizeof table);
  return true;
}

/* A directory of cgroupfs has a link for each one in it: one without is not opened. */
static bool has_groups(int directory, const char *name) {
  struct stat info;
  return fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && info.st_nlink > 2;
}

/* Takes those below from `left`, until it is less than none; what is deeper than a zone may go takes all. */
static void count(int parent, const char *name, long *left, int depth) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    if (fd >= 0) close(fd);
    return;
  }
  struct dirent *entry;
  while (*left >= 0 && (entry = readdir(directory)) != NULL) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    (*left)--;
    if (depth == DEEPEST) *left = -1;
    if (*left >= 0 && has_groups(dirfd(directory), entry->d_name))
      count(dirfd(directory), entry->d_name, left, depth + 1);
  }
  closedir(directory);
}

int bound_timeout(void) {
  return settings.bound_count == 0 ? -1 : LOOK_MS;
}

bool bound_is_passed(void) {
  if (settings.bound_count == 0 || passed_ms() - looked_at_ms < LOOK_MS) return false;
  looked_at_ms = passed_ms();
  if (!table_has_changed()) return false;
  for (int i = 0; i < settings.bound_count; i++) {
    long left = settings.bounds[i].most;
    count(AT_FDCWD, settings.bounds[i].path, &left, 1);
    if (left < 0) return true;
  }
  return false;
}
