/* Subvolumes of a btrfs, see subvolume.h. */
#include "subvolume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  STATUS_DONE = 0,
  STATUS_FAILED = 1,
  STATUS_USAGE = 2,
  DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

/* linux/btrfs.h */
enum { READ_ONLY = 1 << 1, LIMIT_REFERENCED = 1, FIRST_OBJECT = 256, OLD_NAME = 4088, NEW_NAME = 4040 };

struct old_arguments {
  int64_t fd;
  char name[OLD_NAME];
};
struct arguments {
  int64_t fd;
  uint64_t transaction, flags, unused[4];
  char name[NEW_NAME];
};
struct lookup {
  uint64_t tree, object;
  char name[4080];
};
struct group_change {
  uint64_t create, group;
};
struct group_limit {
  uint64_t group, flags, referenced, exclusive, reserved[2];
};
#define SNAPSHOT_DESTROY _IOW(0x94, 15, struct old_arguments)
#define LOOKUP _IOWR(0x94, 18, struct lookup)
#define WAIT_COMMIT _IOW(0x94, 22, uint64_t)
#define SNAPSHOT_CREATE _IOW(0x94, 23, struct arguments)
#define SUBVOLUME_CREATE _IOW(0x94, 24, struct arguments)
#define START_COMMIT _IOR(0x94, 24, uint64_t)
#define GET_FLAGS _IOR(0x94, 25, uint64_t)
#define SET_FLAGS _IOW(0x94, 26, uint64_t)
#define GROUP_CHANGE _IOW(0x94, 42, struct group_change)
#define GROUP_LIMIT _IOR(0x94, 43, struct group_limit)

static int failed(const char *step) {
  int number = errno;

  fprintf(stderr, "{\"error\":\"%s: %s\",\"errno\":%d}\n", step, strerror(number), number);
  return STATUS_FAILED;
}

/* The directory that PATH is in; NAME is the rest. -1 with errno. */
static int open_parent(const char *path, char *name, size_t room) {
  const char *slash = strrchr(path, '/');
  char *parent;
  int fd;

  if (slash == NULL || slash == path || strlen(slash + 1) == 0 || strlen(slash + 1) >= room) {
    errno = EINVAL;
    return -1;
  }
  memcpy(name, slash + 1, strlen(slash + 1) + 1);
  parent = strndup(path, (size_t)(slash - path));
  if (parent == NULL) return -1;
  fd = open(parent, DIRECTORY);
  free(parent);
  return fd;
}

static int create(const char *path) {
  struct arguments arguments = {0};
  int parent = open_parent(path, arguments.name, sizeof arguments.name);

  if (parent < 0) return failed("open the directory");
  return ioctl(parent, SUBVOLUME_CREATE, &arguments) == 0 ? STATUS_DONE : failed("create a subvolume");
}

/* 0: not known. */
static uint64_t number_of(const char *path) {
  struct lookup lookup = {.object = FIRST_OBJECT};
  int fd = open(path, DIRECTORY);
  uint64_t number = fd >= 0 && ioctl(fd, LOOKUP, &lookup) == 0 ? lookup.tree : 0;

  if (fd >= 0) close(fd);
  return number;
}

/* Without quotas there is no group. A kernel from 6.11 on drops it by itself when the subvolume has been cleaned up, and not before. */
static bool may_stay(int number) {
  return number == EBUSY || number == ENOENT || number == ENOTCONN || number == EINVAL;
}

/* Through the directory that it is in: within a subvolume that is full the kernel has no room for the change. */
static int bound_group(int parent, const char *path, uint64_t bytes) {
  struct group_limit bound = {
      .group = number_of(path), .flags = LIMIT_REFERENCED, .referenced = bytes == 0 ? UINT64_MAX : bytes};

  if (bound.group == 0) return -1;
  return ioctl(parent, GROUP_LIMIT, &bound);
}

/* The kernel gives it the bound of what it shows, which may be full by then, or not be wanted here. */
static int snapshot(const char *from, const char *to, const char *manner) {
  struct arguments arguments = {.flags = strcmp(manner, "read-only") == 0 ? READ_ONLY : 0};
  int parent = open_parent(to, arguments.name, sizeof arguments.name);

  if (parent < 0) return failed("open the directory");
  arguments.fd = open(from, DIRECTORY);
  if (arguments.fd < 0) return failed("open the subvolume");
  if (ioctl(parent, SNAPSHOT_CREATE, &arguments) != 0) return failed("create a snapshot");
  if (bound_group(parent, to, 0) != 0 && !may_stay(errno)) return failed("take a quota group's bound away");
  return STATUS_DONE;
}

static int make_read_only(const char *path) {
  int fd = open(path, DIRECTORY);
  uint64_t flags;

  if (fd < 0 || ioctl(fd, GET_FLAGS, &flags) != 0) return failed("open the subvolume");
  flags |= READ_ONLY;
  return ioctl(fd, SET_FLAGS, &flags) == 0 ? STATUS_DONE : failed("make a subvolume read-only");
}

static int delete_one(const char *path, bool is_committed) {
  struct old_arguments arguments = {0};
  struct group_change change = {.group = number_of(path)};
  uint64_t transaction;
  int parent = open_parent(path, arguments.name, sizeof arguments.name);

  if (parent < 0) return failed("open the directory");
  if (ioctl(parent, SNAPSHOT_DESTROY, &arguments) != 0) return failed("delete a subvolume");
  if (change.group != 0 && ioctl(parent, GROUP_CHANGE, &change) != 0 && !may_stay(errno))
    return failed("remove a quota group");
  if (ioctl(parent, START_COMMIT, &transaction) != 0) return failed("start a commit");
  if (is_committed && ioctl(parent, WAIT_COMMIT, &transaction) != 0) return failed("wait for a commit");
  return STATUS_DONE;
}

static int limit(const char *path, const char *bytes) {
  char name[OLD_NAME];
  int parent = open_parent(path, name, sizeof name);

  if (parent < 0) return failed("open the directory");
  return bound_group(parent, path, strtoull(bytes, NULL, 10)) == 0 ? STATUS_DONE : failed("bound a quota group");
}

int subvolume_main(int argc, char **argv) {
  const char *what = argc > 2 ? argv[1] : "";

  if (argc == 3 && strcmp(what, "create") == 0) return create(argv[2]);
  if (argc == 3 && strcmp(what, "read-only") == 0) return make_read_only(argv[2]);
  if (argc == 5 && strcmp(what, "snapshot") == 0) return snapshot(argv[2], argv[3], argv[4]);
  if (argc == 4 && strcmp(what, "delete") == 0) return delete_one(argv[2], strcmp(argv[3], "committed") == 0);
  if (argc == 4 && strcmp(what, "limit") == 0) return limit(argv[2], argv[3]);
  fprintf(stderr, "{\"error\":\"usage: subvolume create|snapshot|read-only|delete|limit PATH …\"}\n");
  return STATUS_USAGE;
}
