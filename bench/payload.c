/* What every contender runs, as small as a program can be. Its name says what it does: true ends at once, pause sleeps
 * for ever, tick writes a byte to its terminal each millisecond, read reads all files below its argument, write DIR COUNT BYTES makes so
 * many files there, small and large, which have so many bytes together; allocate only takes their blocks, stretch only gives them their
 * length; flush waits until all that its root has is on disk. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[1 << 18];

static void put_number(char *text, unsigned number) {
  for (int at = 5; at >= 0; at--, number /= 10) text[at] = (char)('0' + number % 10);
}

static bool fill(int fd, off_t size, char manner) {
  if (manner == 'a') return fallocate(fd, 0, 0, size) == 0;
  if (manner == 's') return ftruncate(fd, size) == 0;
  while (size > 0) {
    ssize_t n = write(fd, buffer, size < (off_t)sizeof buffer ? (size_t)size : sizeof buffer);
    if (n <= 0) return false;
    size -= n;
  }
  return true;
}

/* 64 in a directory. Of eight in a row, the largest has half of what they have together. */
static bool make_files(const char *parent, unsigned count, off_t bytes, char manner) {
  static const off_t eighths[] = {1, 1, 2, 2, 4, 6, 16, 32};
  uint64_t random = 88172645463325252;
  if (mkdir(parent, 0755) != 0 || chdir(parent) != 0) return false;
  for (size_t i = 0; i < sizeof buffer; i += sizeof random) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    memcpy(buffer + i, &random, sizeof random);
  }
  for (unsigned i = 0; i < count; i++) {
    char name[] = "000000/000000";
    put_number(name, i / 64);
    put_number(name + 7, i);
    put_number(buffer, i);
    name[6] = '\0';
    if (i % 64 == 0 && mkdir(name, 0755) != 0) return false;
    name[6] = '/';
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || !fill(fd, bytes / count * eighths[i % 8] / 8, manner)) return false;
    close(fd);
  }
  return true;
}

/* Relative to the directory that is open: names have no length to be bounded. */
static bool read_below(int directory, const char *name) {
  int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat st;
  bool good = fstat(fd, &st) == 0;
  ssize_t got = 0;
  if (good && S_ISREG(st.st_mode))
    while ((got = read(fd, buffer, sizeof buffer)) > 0) continue;
  DIR *list = good && S_ISDIR(st.st_mode) ? fdopendir(fd) : NULL;
  for (const struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
    bool is_dot = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (!is_dot && (entry->d_type == DT_REG || entry->d_type == DT_DIR)) good = read_below(fd, entry->d_name) && good;
  }
  if (list != NULL)
    closedir(list);
  else
    close(fd);
  return good && got == 0;
}

int main(int argc, char **argv) {
  const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
  if (name != NULL && strcmp(name, "/pause") == 0)
    for (;;) pause();
  if (name != NULL && strcmp(name, "/tick") == 0) {
    /* lxc gives what it starts in the background no terminal, but has one there. */
    int console = open("/dev/console", O_WRONLY | O_NOCTTY);
    while (write(console < 0 ? 1 : console, ".", 1) == 1) usleep(1000);
  }
  if (name != NULL && (strcmp(name, "/write") == 0 || strcmp(name, "/allocate") == 0 || strcmp(name, "/stretch") == 0))
    return argc == 4 && make_files(argv[1], (unsigned)atoi(argv[2]), (off_t)atoll(argv[3]), name[1]) ? 0 : 1;
  if (name != NULL && strcmp(name, "/flush") == 0) return syncfs(open("/", O_RDONLY | O_CLOEXEC)) == 0 ? 0 : 1;
  if (name != NULL && strcmp(name, "/read") == 0) return argc == 2 && read_below(AT_FDCWD, argv[1]) ? 0 : 1;
  return 0;
}
