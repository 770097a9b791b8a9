/* Times of directories, set when everything is written: writing into a directory changes its time. */
#include "unpack_times.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_confine.h"
#include "unpack_path.h"
#include "unpack_report.h"

enum { BUFFER_SIZE = 1 << 20 };

/* Followed by the path and its NUL. */
struct record {
  struct unpack_times times;
  uint32_t length;
};

static int root_fd = -1, spool_fd = -1;
static char buffer[BUFFER_SIZE];
static size_t used;

void unpack_times_init(int root) {
  root_fd = root;
}

/* Not every file system has O_TMPFILE (overlay before 6.3). */
static void open_spool(void) {
  char name[64];

  spool_fd = openat(root_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (spool_fd < 0) {
    snprintf(name, sizeof name, ".unpack-%ld", (long)getpid());
    spool_fd = openat(root_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spool_fd < 0 || unlinkat(root_fd, name, 0) < 0) unpack_die(errno, "create a temporary file", "");
  }
}

static void spill(void) {
  if (spool_fd < 0) open_spool();
  for (size_t done = 0; done < used;) {
    ssize_t written = write(spool_fd, buffer + done, used - done);

    if (written <= 0) unpack_die(written < 0 ? errno : EIO, "write a temporary file", "");
    done += (size_t)written;
  }
  used = 0;
}

struct unpack_times unpack_times_of(const struct tar_entry *entry) {
  struct unpack_times times = {{{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime, .tv_nsec = (long)entry->mtime_ns}}};

  if (entry->has_atime) times.at[0] = (struct timespec){.tv_sec = entry->atime, .tv_nsec = (long)entry->atime_ns};
  return times;
}

void unpack_times_add(const char *path, const struct tar_entry *entry) {
  struct record record = {unpack_times_of(entry), (uint32_t)strlen(path) + 1};

  if (used + sizeof record + record.length > sizeof buffer) spill();
  memcpy(buffer + used, &record, sizeof record);
  memcpy(buffer + used + sizeof record, path, record.length);
  used += sizeof record + record.length;
}

static void apply_one(const struct record *record, const char *path) {
  const char *name;
  struct stat st;
  int parent = unpack_parent(path, &name, false);

  if (*name == '\0') name = ".";
  if (parent < 0 || fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode)) return;
  if (utimensat(parent, name, record->times.at, AT_SYMLINK_NOFOLLOW) < 0) unpack_die(errno, "set the time", path);
}

/* Applies the whole records in the buffer; what is left of the last one is moved to the front. */
static void apply_buffer(void) {
  size_t at = 0;
  struct record record;

  while (used - at >= sizeof record) {
    memcpy(&record, buffer + at, sizeof record);
    if (used - at < sizeof record + record.length) break;
    apply_one(&record, buffer + at + sizeof record);
    at += sizeof record + record.length;
  }
  memmove(buffer, buffer + at, used - at);
  used -= at;
}

void unpack_times_apply(void) {
  ssize_t got;

  if (spool_fd >= 0) {
    spill();
    if (lseek(spool_fd, 0, SEEK_SET) < 0) unpack_die(errno, "read a temporary file", "");
    while ((got = read(spool_fd, buffer + used, sizeof buffer - used)) > 0) {
      used += (size_t)got;
      apply_buffer();
    }
    if (got < 0) unpack_die(errno, "read a temporary file", "");
    close(spool_fd);
    spool_fd = -1;
  }
  apply_buffer();
}
