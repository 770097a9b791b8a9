/* Project quotas: what a directory tree may take of its file system, see quota.h. */
#include "quota.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* linux/fs.h, linux/quota.h, linux/dqblk_xfs.h */
enum {
  XFLAG_PROJINHERIT = 0x200,
  PROJECT_QUOTA = 2,
  LIMITS_GIVEN = 1 | 4,
  PROJECT_ENFORCED = 1 << 5,
  STATE_VERSION = 1
};
#define COMMAND(number) ((unsigned)((number) << 8 | PROJECT_QUOTA))
enum { GET_QUOTA = 0x800007, SET_QUOTA = 0x800008, GET_STATE = ('X' << 8) + 8, BLOCK_BYTES = 1024 };

struct attributes {
  uint32_t flags;
  uint32_t extent_size;
  uint32_t extents;
  uint32_t project;
  uint32_t copy_extent_size;
  unsigned char padding[8];
};
#define GET_ATTRIBUTES _IOR('X', 31, struct attributes)
#define SET_ATTRIBUTES _IOW('X', 32, struct attributes)

struct bounds {
  uint64_t block_hard, block_soft, bytes, inode_hard, inode_soft, inodes, block_time, inode_time;
  uint32_t given;
};

struct file_of_quota {
  uint64_t inode, blocks;
  uint32_t extents, padding;
};
struct state {
  int8_t version;
  uint8_t padding1;
  uint16_t flags;
  uint32_t in_core;
  struct file_of_quota user, group, project;
  int32_t times[3];
  uint16_t warnings[4];
  uint64_t padding2[7];
};

static int failed(const char *call) {
  fprintf(stderr, "%s: %s\n", call, strerror(errno));
  return STATUS_FAILED;
}

static int quota(int directory, unsigned command, uint32_t project, void *data) {
  return (int)syscall(TZ_SYS_quotactl_fd, directory, command, project, data);
}

/* Whether bounds hold here. */
static int probe(int directory) {
  struct state state = {.version = STATE_VERSION};
  if (quota(directory, COMMAND(GET_STATE), 0, &state) != 0) return failed("quotactl_fd");
  return (state.flags & PROJECT_ENFORCED) != 0 ? STATUS_DONE : STATUS_FAILED;
}

static bool set_project(int fd, uint32_t project, bool is_directory) {
  struct attributes attributes;
  if (ioctl(fd, GET_ATTRIBUTES, &attributes) != 0) return false;
  attributes.project = project;
  if (is_directory) attributes.flags |= XFLAG_PROJINHERIT;
  return ioctl(fd, SET_ATTRIBUTES, &attributes) == 0;
}

/* A directory before what is in it, so that whatever a zone makes meanwhile inherits. No link is followed, nothing but files and
 * directories opened. What goes meanwhile is none of ours. */
static int assign(int directory, uint32_t project) {
  if (!set_project(directory, project, true)) return failed("FS_IOC_FSSETXATTR");
  DIR *entries = fdopendir(directory);
  if (entries == NULL) return failed("fdopendir");
  int status = STATUS_DONE;
  struct dirent *entry;
  while (status == STATUS_DONE && (entry = readdir(entries)) != NULL) {
    struct stat info;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(directory, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) continue;
    int fd = openat(directory, entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) continue;
    if (fd < 0 || fstat(fd, &info) != 0)
      status = failed(entry->d_name);
    else if (S_ISDIR(info.st_mode))
      status = assign(fd, project);
    else {
      if (S_ISREG(info.st_mode) && !set_project(fd, project, false)) status = failed("FS_IOC_FSSETXATTR");
      close(fd);
    }
  }
  closedir(entries);
  return status;
}

static int bound(int directory, uint32_t project, const char *bytes, const char *inodes) {
  struct bounds bounds = {
      .block_hard = (strtoull(bytes, NULL, 10) + BLOCK_BYTES - 1) / BLOCK_BYTES,
      .inode_hard = strtoull(inodes, NULL, 10),
      .given = LIMITS_GIVEN,
  };
  return quota(directory, COMMAND(SET_QUOTA), project, &bounds) == 0 ? STATUS_DONE : failed("quotactl_fd");
}

static int show(int directory) {
  struct attributes attributes;
  struct bounds bounds = {0};
  if (ioctl(directory, GET_ATTRIBUTES, &attributes) != 0) return failed("FS_IOC_FSGETXATTR");
  if (attributes.project != 0 && quota(directory, COMMAND(GET_QUOTA), attributes.project, &bounds) != 0) {
    return failed("quotactl_fd");
  }
  printf("%u %llu %llu %llu %llu\n", attributes.project, (unsigned long long)bounds.bytes,
         (unsigned long long)bounds.block_hard * BLOCK_BYTES, (unsigned long long)bounds.inodes,
         (unsigned long long)bounds.inode_hard);
  return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

int quota_main(int argc, char **argv) {
  const char *what = argc > 2 ? argv[1] : "";
  int directory = argc > 2 ? open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (argc > 2 && directory < 0) return failed(argv[2]);
  uint32_t project = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
  if (argc == 3 && strcmp(what, "probe") == 0) return probe(directory);
  if (argc == 3 && strcmp(what, "show") == 0) return show(directory);
  if (argc == 4 && strcmp(what, "assign") == 0) return assign(directory, project);
  if (argc == 6 && strcmp(what, "bound") == 0) return bound(directory, project, argv[4], argv[5]);
  fprintf(stderr, "usage: quota probe|show DIR | assign DIR PROJECT | bound DIR PROJECT BYTES INODES\n");
  return STATUS_USAGE;
}
