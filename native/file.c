/* Files, directories, links and sysctls of the zone side. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "path.h"
#include "report.h"
#include "zone.h"

static const char temporary[] = ".tszone-new";

static mode_t parse_mode(const char *text) {
  char *end;
  unsigned long mode = strtoul(text, &end, 8);
  if (end == text || *end != '\0' || mode > 07777) fail_with(EINVAL, "", text, "not an octal mode");
  return (mode_t)mode;
}

void file_mkdir(const struct op *op) {
  const char *path = op_arg(op, 0);
  mode_t mode = parse_mode(op_arg(op, 1));
  int existing = path_open(path, O_PATH | O_DIRECTORY, 0);
  if (existing >= 0) {
    close(existing);
    return;
  }
  char name[NAME_MAX + 1];
  int parent = path_parent(path, name, 0);
  /* umask is 0 until cred.umask. */
  if (mkdirat(parent, name, mode) != 0) fail("mkdirat", path);
  close(parent);
}

void file_symlink(const struct op *op) {
  const char *path = op_arg(op, 1);
  char name[NAME_MAX + 1];
  int parent = path_parent(path, name, 0);
  /* What an image or its user put there stays. */
  if (symlinkat(op_arg(op, 0), parent, name) != 0 && errno != EEXIST) fail("symlinkat", path);
  close(parent);
}

static void write_all(int fd, const char *text, size_t length, const char *path) {
  while (length > 0) {
    ssize_t n = write(fd, text, length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", path);
    text += n;
    length -= (size_t)n;
  }
}

/* Whether the file there is the user's own: neither empty nor begun with our marker. */
static bool is_foreign(int parent, const char *name, const char *marker) {
  struct stat info;
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISLNK(info.st_mode)) return false;
  if (!S_ISREG(info.st_mode)) return true;
  if (info.st_size == 0 || strcmp(marker, "*") == 0) return false;
  if (*marker == '\0') return true;
  char head[256];
  size_t length = strlen(marker);
  if (length > sizeof head) return true;
  int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t n = read(fd, head, length);
  close(fd);
  return n != (ssize_t)length || memcmp(head, marker, length) != 0;
}

/* Then nothing is written: a zone that has filled its disk can be started. */
static bool is_same(int parent, const char *name, const char *content, mode_t mode) {
  struct stat info;
  char now[4096];
  size_t length = strlen(content);
  if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode)) return false;
  if ((info.st_mode & 07777) != mode || info.st_uid != 0 || info.st_gid != 0) return false;
  if ((size_t)info.st_size != length || length > sizeof now || length == 0) return false;
  int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t n = read(fd, now, length);
  close(fd);
  return n == (ssize_t)length && memcmp(now, content, length) == 0;
}

void file_write(const struct op *op) {
  const char *path = op_arg(op, 0);
  const char *content = op_arg(op, 3);
  char name[NAME_MAX + 1];
  int parent = path_parent(path, name, 0);
  mode_t mode = parse_mode(op_arg(op, 1));
  if (!is_foreign(parent, name, op_arg(op, 2)) && !is_same(parent, name, content, mode)) {
    unlinkat(parent, temporary, 0);
    int fd = openat(parent, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) fail("openat", path);
    write_all(fd, content, strlen(content), path);
    if (fchmod(fd, mode) != 0) fail("fchmod", path);
    close(fd);
    if (renameat(parent, temporary, parent, name) != 0) fail("renameat", path);
  }
  close(parent);
}

enum { MAX_SYSCTLS = 64, SYSCTL_SIZE = 4096 };

/* What parameters were before they were written here, for all or none of them to be changed. */
static struct {
  int fd;
  char *value;
} sysctls[MAX_SYSCTLS];
static int sysctl_count;

/* One that cannot be read (net.ipv4.route.flush) is not taken back. */
static void remember_sysctl(int fd) {
  char value[SYSCTL_SIZE];
  ssize_t n = pread(fd, value, sizeof value - 1, 0);
  if (n <= 0 || sysctl_count == MAX_SYSCTLS) return;
  value[n] = '\0';
  sysctls[sysctl_count].value = strdup(value);
  sysctls[sysctl_count].fd = fcntl(fd, F_DUPFD_CLOEXEC, 5);
  if (sysctls[sysctl_count].value != NULL && sysctls[sysctl_count].fd >= 0) sysctl_count++;
}

static _Noreturn void fail_sysctl(const char *call, const char *key) {
  int error = errno;
  while (sysctl_count-- > 0) {
    const char *value = sysctls[sysctl_count].value;
    /* What fails here cannot be told beside what has failed before. */
    ssize_t n = pwrite(sysctls[sysctl_count].fd, value, strlen(value), 0);
    (void)n;
  }
  errno = error;
  fail(call, key);
}

/* By the descriptor that mask.c has kept, so that nothing in the zone's root can lead the write elsewhere. */
void file_sysctl(const struct op *op) {
  const char *key = op_arg(op, 0);
  const char *value = op_arg(op, 1);
  char path[256];
  size_t length = strlen(key);
  if (zone.sysctl < 0) fail_with(EINVAL, "", key, "the zone has no /proc");
  if (length >= sizeof path) fail_with(ENAMETOOLONG, "", key, "the key is too long");
  memcpy(path, key, length + 1);
  /* Dots separate, unless slashes do (a link's name may have dots). */
  for (char *c = path; *c != '\0' && strchr(key, '/') == NULL; c++) {
    if (*c == '.') *c = '/';
  }
  int fd = tz_openat2(zone.sysctl, path, O_RDWR, 0, PATH_SAME_MOUNT);
  if (fd < 0) fail_sysctl("openat2", key);
  remember_sysctl(fd);
  ssize_t n = pwrite(fd, value, strlen(value), 0);
  if (n >= 0 && (size_t)n != strlen(value)) errno = EINVAL;
  if (n < 0 || (size_t)n != strlen(value)) fail_sysctl("write", key);
  close(fd);
}
