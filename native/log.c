/* The zone's log, see log.h. */
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, STAMP_BYTES = 40, BATCH_BYTES = 16384 };

static const char *const names[LOG_STREAMS] = {"stdout", "stderr", "console"};

static const char *log_path;
static int log_fd = -1;
static long long log_size, log_max;
static int log_files;
static struct {
  char bytes[LINE_BYTES];
  size_t length;
} lines[LOG_STREAMS];
static char batch[BATCH_BYTES];
static size_t batch_length;

static void open_file(int flags) {
  log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
  struct stat info;
  log_size = log_fd >= 0 && fstat(log_fd, &info) == 0 ? info.st_size : 0;
}

void log_open(const char *path, long long max_bytes, int files) {
  log_path = path;
  log_max = max_bytes;
  log_files = files;
}

void log_move(const char *path) {
  log_path = path;
}

static void rotate(void) {
  char from[PATH_MAX];
  char to[PATH_MAX];
  close(log_fd);
  for (int i = log_files - 1; i >= 1; i--) {
    snprintf(to, sizeof to, "%s.%d", log_path, i);
    snprintf(from, sizeof from, i == 1 ? "%s" : "%s.%d", log_path, i - 1);
    rename(from, to);
  }
  open_file(log_files > 1 ? 0 : O_TRUNC);
}

static void write_batch(void) {
  if (batch_length > 0 && log_path != NULL) {
    if (log_fd >= 0 && log_max > 0 && log_size > 0 && log_size + (long long)batch_length > log_max) rotate();
    if (log_fd < 0) open_file(0);
    /* A full disk loses lines, never the zone. */
    ssize_t n = log_fd >= 0 ? write(log_fd, batch, batch_length) : -1;
    if (n > 0) log_size += n;
  }
  batch_length = 0;
}

static size_t stamp(char *to, int stream) {
  struct timespec now;
  struct tm parts;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &parts);
  size_t n = strftime(to, STAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
  n += (size_t)snprintf(to + n, STAMP_BYTES - n, ".%03dZ %s ", (int)(now.tv_nsec / 1000000), names[stream]);
  return n;
}

static void end_line(int stream) {
  size_t length = lines[stream].length;
  if (length > 0 && lines[stream].bytes[length - 1] == '\r') length--;
  if (batch_length + STAMP_BYTES + length + 1 > sizeof batch) write_batch();
  batch_length += stamp(batch + batch_length, stream);
  memcpy(batch + batch_length, lines[stream].bytes, length);
  batch_length += length;
  batch[batch_length++] = '\n';
  lines[stream].length = 0;
}

void log_feed(int stream, const char *bytes, size_t length) {
  if (log_path == NULL) return;
  while (length > 0) {
    const char *newline = memchr(bytes, '\n', length);
    size_t part = newline == NULL ? length : (size_t)(newline - bytes);
    size_t room = LINE_BYTES - lines[stream].length;
    if (part > room) part = room;
    memcpy(lines[stream].bytes + lines[stream].length, bytes, part);
    lines[stream].length += part;
    bytes += part;
    length -= part;
    bool at_newline = length > 0 && bytes == newline;
    if (at_newline) {
      bytes++;
      length--;
    }
    /* A line that is too long goes on in the next one. */
    if (at_newline || lines[stream].length == LINE_BYTES) end_line(stream);
  }
  write_batch();
}

void log_flush(void) {
  for (int stream = 0; stream < LOG_STREAMS; stream++) {
    if (lines[stream].length > 0) end_line(stream);
  }
  write_batch();
}
