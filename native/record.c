/* The monitor's records, see record.h. */
#include "record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "report.h"

/* Run-time data: renamed into place, but not synced, as it means nothing after a reboot. */
static bool replace(const char *path, const char *text) {
  char temporary[PATH_MAX];
  if (snprintf(temporary, sizeof temporary, "%s.new", path) >= PATH_MAX) return false;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  size_t length = strlen(text);
  bool whole = write(fd, text, length) == (ssize_t)length;
  close(fd);
  return whole && rename(temporary, path) == 0;
}

void record_running(const char *path, pid_t pid, long long started_at_ms) {
  char text[256];
  snprintf(text, sizeof text,
           "{\"version\":1,\"pid\":%d,\"startTime\":\"%llu\",\"monitorPid\":%d,\"monitorStartTime\":\"%llu\","
           "\"startedAtMs\":%lld}\n",
           (int)pid, process_start_time(pid), (int)getpid(), process_start_time(getpid()), started_at_ms);
  if (!replace(path, text)) fail("write", path);
}

void record_target(const char *path, pid_t pid, long long started_at_ms) {
  char text[160];
  int length = snprintf(text, sizeof text, "status.since%c1%c%lld%ctarget%c2%c%d%c%llu", 0, 0, started_at_ms, 0, 0, 0,
                        (int)pid, 0, process_start_time(pid)) +
               1;
  int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return;
  /* One write: whoever reads sees all of it or nothing. */
  if (write(fd, text, (size_t)length) != length) unlink(path);
  close(fd);
}

void record_exit(const char *path, const struct ending *how) {
  char text[224];
  snprintf(text, sizeof text, "{\"version\":1,\"status\":%d,\"signal\":%d,\"oomKills\":%ld,%s\"exitedAtMs\":%lld}\n",
           how->status, how->signal, how->oom_kills, how->has_too_many_groups ? "\"tooManyGroups\":true," : "",
           now_ms());
  replace(path, text);
}
