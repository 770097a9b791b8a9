/* Control groups, see group.h. */
#include "group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "report.h"

enum { TRIES = 100, PAUSE_MS = 10 };

static void pause_ms(long ms) {
  struct timespec time = {0, ms * 1000000};
  nanosleep(&time, NULL);
}

/* v1 cpuset: a new group has no CPUs and no memory nodes, and can then not be joined. */
static void fill_from_above(const char *path, const char *file) {
  char name[PATH_MAX];
  char value[1024];
  int above = (int)(strrchr(path, '/') - path);
  if (snprintf(name, sizeof name, "%.*s/%s", above, path, file) >= PATH_MAX) return;
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, value, sizeof value - 1);
  if (fd >= 0) close(fd);
  if (n <= 0 || snprintf(name, sizeof name, "%s/%s", path, file) >= PATH_MAX) return;
  value[n] = '\0';
  if (write_text(name, value) != 0) fail("write", name);
}

const char *group_make(const char *prefix, const char *const fill[], int count) {
  static char path[PATH_MAX];
  report_step("exec.group", -1);
  int length = snprintf(path, sizeof path, "%s%d", prefix, (int)getpid());
  if (length >= PATH_MAX - 8 || strchr(path, '/') == NULL) fail_with(EINVAL, "", prefix, "this is no path of a group");
  /* Taken by what a command of an earlier process with this id left behind. */
  for (int i = 1; mkdir(path, 0755) != 0; i++) {
    if (errno != EEXIST || i > 9999) fail("mkdir", path);
    snprintf(path + length, sizeof path - (size_t)length, ".%d", i);
  }
  for (int i = 0; i < count; i++) fill_from_above(path, fill[i]);
  return path;
}

/* A group is busy for a moment after its last process has been reaped. */
void group_remove(const char *path, bool patient) {
  for (int i = 0; rmdir(path) != 0 && errno == EBUSY && patient && i < TRIES; i++) pause_ms(PAUSE_MS);
}

/* Calls `each` on every group below the path, deepest first, then on the path itself. */
static void walk_groups(const char *path, void (*each)(const char *path, bool flag), bool flag, int depth) {
  DIR *directory = depth > 32 ? NULL : opendir(path);
  if (directory != NULL) {
    struct dirent *entry;
    char below[PATH_MAX];
    while ((entry = readdir(directory)) != NULL) {
      if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
      int n = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
      if (n > 0 && (size_t)n < sizeof below) walk_groups(below, each, flag, depth + 1);
    }
    closedir(directory);
  }
  each(path, flag);
}

/* One of the groups in the directory; which one does not matter. */
static bool find_group(int directory, char name[NAME_MAX + 1]) {
  int copy = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = copy < 0 ? NULL : fdopendir(copy);
  if (stream == NULL) {
    if (copy >= 0) close(copy);
    return false;
  }
  struct dirent *entry;
  while ((entry = readdir(stream)) != NULL && (entry->d_type != DT_DIR || entry->d_name[0] == '.')) {
  }
  if (entry != NULL) snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
  closedir(stream);
  return entry != NULL;
}

static bool remove_at(int directory, const char *name, bool patient) {
  for (int i = 0; unlinkat(directory, name, AT_REMOVEDIR) != 0 && errno != ENOENT; i++) {
    if (errno != EBUSY || !patient || i == TRIES) return false;
    pause_ms(PAUSE_MS);
  }
  return true;
}

static int open_at(int directory, const char *name) {
  return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A zone that may make groups can make them so deep that no path leads there: each is named from the one above. */
void group_remove_tree(const char *path, bool patient) {
  char name[NAME_MAX + 1];
  char below[NAME_MAX + 1];
  int depth = 0;
  int at = open_at(AT_FDCWD, path);
  while (at >= 0) {
    bool is_empty = !find_group(at, name);
    if (is_empty && depth == 0) break;
    if (!is_empty && remove_at(at, name, false)) continue;
    int next = open_at(at, is_empty ? ".." : name);
    if (!is_empty && next >= 0 && !find_group(next, below)) {
      /* Processes keep it. */
      close(next);
      if (!remove_at(at, name, patient)) break;
      continue;
    }
    close(at);
    at = next;
    depth += is_empty ? -1 : 1;
  }
  if (at >= 0) close(at);
  group_remove(path, patient);
}

static bool has_members(const char *path) {
  char name[PATH_MAX];
  char byte;
  snprintf(name, sizeof name, "%.4000s/cgroup.procs", path);
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, &byte, 1);
  close(fd);
  return n > 0;
}

static void remove_empty(const char *path, bool flag) {
  (void)flag;
  for (int i = 0; rmdir(path) != 0 && errno == EBUSY && !has_members(path) && i < TRIES; i++) pause_ms(1 + i / 4);
}

void group_remove_empty(const char *path) {
  if (rmdir(path) != 0 && errno == EBUSY) walk_groups(path, remove_empty, false, 0);
}

static void (*each_member)(int pid);

static void visit_members(const char *path, bool flag) {
  (void)flag;
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%.4000s/cgroup.procs", path);
  FILE *file = fopen(name, "re");
  if (file == NULL) return;
  int pid;
  while (fscanf(file, "%d", &pid) == 1) each_member(pid);
  fclose(file);
}

void group_members(const char *path, void (*each)(int pid)) {
  each_member = each;
  walk_groups(path, visit_members, false, 0);
}

static bool kill_found;

static void kill_member(int pid) {
  if (pid <= 0) return;
  kill_found = true;
  kill(pid, SIGKILL);
}

void group_kill(const char *path) {
  char name[PATH_MAX];
  snprintf(name, sizeof name, "%.4000s/cgroup.kill", path);
  /* Where the kernel does it at once (v2, 5.14), the loop below only waits for the end. */
  write_text(name, "1");
  for (int i = 0; i < TRIES; i++) {
    kill_found = false;
    group_members(path, kill_member);
    if (!kill_found) return;
    pause_ms(1 + i / 4);
  }
}
