/* Small questions about processes, see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static ssize_t read_file(const char *path, char *text, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = read(fd, text, size - 1);
  close(fd);
  if (n >= 0) text[n] = '\0';
  return n;
}

/* From the parenthesis that ends the name (field 2), which may hold anything, to the end. */
static const char *read_stat(pid_t pid, char *text, size_t size) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  return read_file(path, text, size) <= 0 ? NULL : strrchr(text, ')');
}

bool process_is_alive(pid_t pid) {
  char text[1024];
  const char *at = read_stat(pid, text, sizeof text);
  return at != NULL && strncmp(at, ") Z", 3) != 0 && strncmp(at, ") X", 3) != 0;
}

unsigned long long process_start_time(pid_t pid) {
  char text[1024];
  const char *at = read_stat(pid, text, sizeof text);
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at, NULL, 10);
}

static long long clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

long long now_ms(void) {
  return clock_ms(CLOCK_REALTIME);
}

long long passed_ms(void) {
  return clock_ms(CLOCK_MONOTONIC);
}

int process_reap(pid_t pid, int *signal) {
  int status;
  *signal = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return 255;
  }
  if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
  *signal = WTERMSIG(status);
  return 128 + *signal;
}

int write_text(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t n = write(fd, text, strlen(text));
  int error = errno;
  close(fd);
  errno = error;
  return n < 0 ? -1 : 0;
}

long read_counter(const char *path, const char *key) {
  char text[4096];
  if (path == NULL || read_file(path, text, sizeof text) <= 0) return 0;
  size_t length = strlen(key);
  for (const char *line = text; line != NULL && *line != '\0';) {
    if (strncmp(line, key, length) == 0 && line[length] == ' ') return strtol(line + length, NULL, 10);
    line = strchr(line, '\n');
    if (line != NULL) line++;
  }
  return 0;
}
