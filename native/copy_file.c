/* One file, link or node copied with all that it is. */
#include "copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "unpack_report.h"

enum { BUFFER_SIZE = 1 << 20, MAX_LINK = 4096, MAX_NAMES = 64 << 10, MAX_VALUE = 64 << 10 };

/* linux/fs.h, which musl-gcc does not see: _IOW(0x94, 9, int). */
#define TZ_FICLONE 0x40049409

struct copy_counts copy_counts;

/* `trusted.*` is not the zone's; all of `user.*` is, also what overlay keeps there. */
static bool xattr_wanted(const char *name) {
  return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0 ||
         strncmp(name, "system.posix_acl_", 17) == 0;
}

static void remove_other_xattrs(int from, int to) {
  static char names[MAX_NAMES];
  ssize_t size = flistxattr(to, names, sizeof names);

  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1)
    if (xattr_wanted(name) && fgetxattr(from, name, NULL, 0) < 0 && fremovexattr(to, name) < 0 && errno != ENODATA)
      unpack_die(errno, "remove an extended attribute", NULL);
}

static void copy_xattrs(int from, int to) {
  static char names[MAX_NAMES], value[MAX_VALUE];
  ssize_t size = flistxattr(from, names, sizeof names);

  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
    ssize_t got = xattr_wanted(name) ? fgetxattr(from, name, value, sizeof value) : -1;

    if (got >= 0 && fsetxattr(to, name, value, (size_t)got, 0) < 0)
      unpack_die(errno, "set an extended attribute", NULL);
  }
}

static void times_of(const struct stat *st, struct timespec times[2]) {
  times[0] = st->st_atim;
  times[1] = st->st_mtim;
}

/* chown clears set-id bits and file capabilities, so it comes first. */
static void copy_attributes(int from, int to, const struct stat *st) {
  if (fchown(to, st->st_uid, st->st_gid) < 0) unpack_die(errno, "chown", NULL);
  if (fchmod(to, st->st_mode & 07777) < 0) unpack_die(errno, "chmod", NULL);
  copy_xattrs(from, to);
}

void copy_directory_attributes(int from, int to, const struct stat *st) {
  remove_other_xattrs(from, to);
  copy_attributes(from, to, st);
}

void copy_directory_times(int fd, const struct stat *st) {
  struct timespec times[2];

  times_of(st, times);
  if (futimens(fd, times) < 0) unpack_die(errno, "set the time", NULL);
}

/* Where the file system cannot do it in the kernel: between two file systems, mostly. */
static void copy_through(int from, int to, off_t at, off_t end) {
  static char *buffer;

  if (buffer == NULL) buffer = unpack_alloc(NULL, BUFFER_SIZE);
  while (at < end) {
    size_t wanted = end - at < BUFFER_SIZE ? (size_t)(end - at) : BUFFER_SIZE;
    ssize_t got = pread(from, buffer, wanted, at);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unpack_die(errno, "read", NULL);
    if (got == 0) return;
    for (ssize_t done = 0; done < got;) {
      ssize_t written = pwrite(to, buffer + done, (size_t)(got - done), at + done);

      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) unpack_die(written < 0 ? errno : EIO, "write", NULL);
      done += written;
    }
    at += got;
  }
}

static void copy_range(int from, int to, off_t at, off_t end) {
  copy_counts.bytes += (uint64_t)(end - at);
  while (at < end) {
    off_t in = at, out = at;
    ssize_t got = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);

    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) unpack_die(errno, "write", NULL);
      copy_through(from, to, at, end);
      return;
    }
    at += got;
  }
}

/* Holes stay holes. */
static void copy_data(int from, int to, off_t size) {
  off_t at = 0;

  if (size == 0) return;
  if (ioctl(to, TZ_FICLONE, from) == 0) {
    copy_counts.shared += (uint64_t)size;
    return;
  }
  while (at < size) {
    off_t data = lseek(from, at, SEEK_DATA), hole;

    if (data < 0 && errno == ENXIO) break;
    if (data < 0) data = at;
    hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0 || hole > size) hole = size;
    if (data >= hole) break;
    copy_range(from, to, data, hole);
    at = hole;
  }
  if (ftruncate(to, size) < 0) unpack_die(errno, "set the size", NULL);
}

static bool copy_regular(int from, int to, const char *name, struct stat *source, struct stat *made) {
  int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC), out;
  struct timespec times[2];

  if (in < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO || errno == EACCES)) return false;
  if (in < 0 || fstat(in, source) < 0) unpack_die(errno, "open", NULL);
  if (!S_ISREG(source->st_mode)) {
    close(in);
    return false;
  }
  out = openat(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (out < 0) unpack_die(errno, "create a file", NULL);
  copy_data(in, out, source->st_size);
  copy_attributes(in, out, source);
  times_of(source, times);
  if (futimens(out, times) < 0 || fstat(out, made) < 0) unpack_die(errno, "set the time", NULL);
  if (close(out) < 0) unpack_die(errno, "close", NULL);
  close(in);
  return true;
}

static void enter(int directory) {
  if (fchdir(directory) < 0) unpack_die(errno, "chdir", NULL);
}

/* Of what cannot be opened without being used: fifos, sockets, devices. There is no llistxattrat before Linux 6.13. */
static void copy_node_xattrs(int from, int to, const char *node) {
  static char names[MAX_NAMES], value[MAX_VALUE];
  ssize_t size;

  enter(from);
  size = llistxattr(node, names, sizeof names);
  for (const char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
    ssize_t got;

    if (!xattr_wanted(name)) continue;
    enter(from);
    got = lgetxattr(node, name, value, sizeof value);
    enter(to);
    if (got >= 0 && lsetxattr(node, name, value, (size_t)got, 0) < 0)
      unpack_die(errno, "set an extended attribute", NULL);
  }
}

/* Nodes: the mode is given to mknod at once, umask is 0. */
static bool copy_other(int from, int to, const char *name, struct stat *source, struct stat *made) {
  struct timespec times[2];

  if (S_ISLNK(source->st_mode)) {
    char text[MAX_LINK];
    ssize_t length = readlinkat(from, name, text, sizeof text - 1);

    if (length < 0 && (errno == ENOENT || errno == EINVAL)) return false;
    if (length < 0) unpack_die(errno, "read a symbolic link", NULL);
    text[length] = '\0';
    if (symlinkat(text, to, name) < 0) unpack_die(errno, "make a symbolic link", NULL);
  } else if (mknodat(to, name, source->st_mode, source->st_rdev) < 0)
    unpack_die(errno, "make a node", NULL);
  if (fchownat(to, name, source->st_uid, source->st_gid, AT_SYMLINK_NOFOLLOW) < 0) unpack_die(errno, "chown", NULL);
  if (!S_ISLNK(source->st_mode)) copy_node_xattrs(from, to, name);
  times_of(source, times);
  if (utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(to, name, made, AT_SYMLINK_NOFOLLOW) < 0)
    unpack_die(errno, "set the time", NULL);
  return true;
}

bool copy_entry(int from, int to, const char *name, struct stat *source, struct stat *made) {
  return S_ISREG(source->st_mode) ? copy_regular(from, to, name, source, made)
                                  : copy_other(from, to, name, source, made);
}

static const char opaque_name[] = "user.overlay.opaque";

bool copy_is_opaque(int fd) {
  char value;

  return fgetxattr(fd, opaque_name, &value, 1) == 1 && value == 'y';
}

void copy_make_plain(int fd) {
  if (fremovexattr(fd, opaque_name) < 0 && errno != ENODATA) unpack_die(errno, "remove an attribute", NULL);
}
