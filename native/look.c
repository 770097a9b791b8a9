/* See look.h. Nothing is remembered of what was true: only descriptors, which the kernel never gives to another process or
 * group. */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "frames.h"
#include "process.h"
#include "report.h"

enum { NODE_FD = 3, FILES = 4, ALWAYS = 1, PER_FILE = 6, PER_ZONE = FILES * PER_FILE + 2, PATH_BYTES = 512 };
enum { NOT_THERE = -1, NOT_KNOWN = -2 };

struct place {
  int directory; /* or an errno, negative */
  const char *file;
};

/* One that was found to be the process of this start time. */
struct process {
  pid_t pid;
  unsigned long long start;
  int pidfd;   /* -1: not kept */
  int freezer; /* -1: not open */
};

struct zone {
  const char *name, *group;
  struct process process;
};

static struct process *kept; /* by pid */
static size_t kept_count;
static int most_fds;

static int compare(const void *left, const void *right) {
  const struct process *a = left;
  const struct process *b = right;
  return (a->pid > b->pid) - (a->pid < b->pid);
}

static void forget(const struct process *process) {
  if (process->pidfd >= 0) close(process->pidfd);
  if (process->freezer >= 0) close(process->freezer);
}

/* A descriptor to keep, or -1: some are left for the work itself. */
static int keep(int fd) {
  if (fd < most_fds) return fd;
  close(fd);
  return -1;
}

static void find_process(struct process *process) {
  if (process->pid <= 0) return;
  struct process *known = kept_count == 0 ? NULL : bsearch(process, kept, kept_count, sizeof *kept, compare);
  if (known != NULL && known->start == process->start && known->pidfd >= 0) {
    *process = *known;
    *known = (struct process){known->pid, 0, -1, -1};
    return;
  }
  /* First the descriptor: what has that start time afterwards is what it stands for. */
  process->pidfd = tz_pidfd_open(process->pid);
  if (process->pidfd >= 0) process->pidfd = keep(process->pidfd);
  if (process_start_time(process->pid) == process->start) return;
  forget(process);
  *process = (struct process){0, 0, -1, -1};
}

static void look_at(const struct place *place, const char *zone, double *to) {
  char path[PATH_BYTES];
  struct stat info;
  int error = place->directory < 0 ? -place->directory : 0;
  if (snprintf(path, sizeof path, "%s/%s", zone, place->file) >= PATH_BYTES) error = ENAMETOOLONG;
  if (error == 0 && fstatat(place->directory, path, &info, 0) != 0) error = errno;
  to[0] = error == 0 ? (double)info.st_ino : error == ENOENT || error == ENOTDIR ? NOT_THERE : NOT_KNOWN;
  if (error != 0) return;
  to[1] = (double)info.st_size;
  to[2] = (double)info.st_mtim.tv_sec;
  to[3] = (double)info.st_mtim.tv_nsec;
  to[4] = (double)info.st_ctim.tv_sec;
  to[5] = (double)info.st_ctim.tv_nsec;
}

static ssize_t read_freezer(const struct place *place, const struct zone *zone, int *fd, char *text, size_t size) {
  char path[PATH_BYTES];
  ssize_t n = *fd < 0 ? -1 : pread(*fd, text, size, 0);
  if (n >= 0 || place->directory < 0) return n;
  /* The group was made anew, or has not been looked at before. */
  if (*fd >= 0) close(*fd);
  *fd = -1;
  if (snprintf(path, sizeof path, "%s/%s", zone->group, place->file) >= PATH_BYTES) return -1;
  *fd = openat(place->directory, path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) return -1;
  n = pread(*fd, text, size, 0);
  *fd = keep(*fd);
  return n;
}

/* v1: freezer.state; v2: a line of cgroup.events. */
static bool is_frozen(const struct place *place, struct zone *zone) {
  char text[512];
  ssize_t n = read_freezer(place, zone, &zone->process.freezer, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = '\0';
  return strncmp(text, "FROZEN", 6) == 0 || strstr(text, "frozen 1") != NULL;
}

/* All at once; one without a descriptor is asked by its number. */
static void find_alive(struct zone *zones, size_t count, struct pollfd *ends) {
  for (size_t i = 0; i < count; i++) ends[i] = (struct pollfd){.fd = zones[i].process.pidfd, .events = POLLIN};
  poll(ends, count, 0);
  for (size_t i = 0; i < count; i++) {
    struct process *process = &zones[i].process;
    bool alive = process->pid > 0 && ends[i].revents == 0 && (process->pidfd >= 0 || process_is_alive(process->pid));
    if (alive) continue;
    forget(process);
    *process = (struct process){0, 0, -1, -1};
  }
}

static void keep_processes(const struct zone *zones, size_t count, struct process *next) {
  for (size_t i = 0; i < kept_count; i++) forget(&kept[i]);
  free(kept);
  kept = next;
  kept_count = 0;
  for (size_t i = 0; i < count; i++) {
    if (zones[i].process.pidfd >= 0)
      kept[kept_count++] = zones[i].process;
    else
      forget(&zones[i].process);
  }
  qsort(kept, kept_count, sizeof *kept, compare);
}

static void look(const struct place *places, struct zone *zones, size_t count, double *to) {
  for (size_t i = 0; i < count; i++, to += PER_ZONE) {
    bool alive = zones[i].process.pid > 0;
    for (int file = 0; file < FILES; file++) {
      if (alive && file >= ALWAYS)
        to[file * PER_FILE] = NOT_KNOWN;
      else
        look_at(&places[file], zones[i].name, to + file * PER_FILE);
    }
    to[FILES * PER_FILE] = alive;
    to[FILES * PER_FILE + 1] = alive && is_frozen(&places[FILES], &zones[i]);
  }
}

static const char *next_token(const char **at, const char *end) {
  const char *token = *at;
  const char *nul = token == NULL ? NULL : memchr(token, '\0', (size_t)(end - token));
  *at = nul == NULL ? NULL : nul + 1;
  return nul == NULL ? NULL : token;
}

static bool read_place(struct place *place, const char **at, const char *end) {
  const char *directory = next_token(at, end);
  place->file = next_token(at, end);
  if (place->file == NULL) return false;
  place->directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (place->directory < 0) place->directory = -errno;
  return true;
}

static bool read_zone(struct zone *zone, const char **at, const char *end) {
  zone->name = next_token(at, end);
  zone->group = next_token(at, end);
  const char *pid = next_token(at, end);
  const char *start = next_token(at, end);
  if (start == NULL) return false;
  zone->process = (struct process){(pid_t)strtol(pid, NULL, 10), strtoull(start, NULL, 10), -1, -1};
  return true;
}

static void answer(const struct frame *frame, const char *at, const struct place *places) {
  const char *end = frame->bytes + frame->size;
  const char *number = next_token(&at, end);
  size_t count = number == NULL ? 0 : strtoul(number, NULL, 10);
  size_t known = 0;
  if (count > frame->size) count = 0;
  struct zone *zones = calloc(count + 1, sizeof *zones);
  struct pollfd *ends = calloc(count + 1, sizeof *ends);
  struct process *next = calloc(count + 1, sizeof *next);
  double *found = calloc(count + 1, PER_ZONE * sizeof *found);
  if (zones == NULL || ends == NULL || next == NULL || found == NULL) _exit(STATUS_FAILED);
  while (known < count && read_zone(&zones[known], &at, end)) known++;
  for (size_t i = 0; i < known; i++) find_process(&zones[i].process);
  find_alive(zones, known, ends);
  look(places, zones, known, found);
  keep_processes(zones, known, next);
  if (!frame_write(NODE_FD, LOOK_ANSWER, frame->id, (const char *)found, known * PER_ZONE * sizeof *found)) _exit(0);
  free(found);
  free(ends);
  free(zones);
}

static void obey(const struct frame *frame) {
  struct place places[FILES + 1];
  const char *at = frame->bytes;
  int opened = 0;
  while (opened <= FILES && read_place(&places[opened], &at, frame->bytes + frame->size)) opened++;
  answer(frame, opened > FILES ? at : NULL, places);
  for (int i = 0; i < opened; i++) {
    if (places[i].directory >= 0) close(places[i].directory);
  }
}

int look_main(int argc, char **argv) {
  (void)argv;
  static struct frame_input input;
  struct rlimit limit;
  if (argc != 1 || getrlimit(RLIMIT_NOFILE, &limit) != 0 || chdir("/") != 0) return STATUS_FAILED;
  most_fds = limit.rlim_cur > 1 << 20 ? 1 << 20 : (int)limit.rlim_cur;
  most_fds -= most_fds < 64 ? most_fds : 64;
  fcntl(NODE_FD, F_SETFD, FD_CLOEXEC);
  tz_close_range(NODE_FD + 1, ~0U, 0);
  prctl(PR_SET_NAME, "tszone-look");
  while (frames_read(NODE_FD, &input)) {
    struct frame frame;
    bool broken = false;
    while (frames_next(&input, &frame, &broken)) {
      if (frame.kind != LOOK_ASK) return STATUS_FAILED;
      obey(&frame);
    }
    if (broken) return STATUS_FAILED;
  }
  return 0;
}
