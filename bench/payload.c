/* What every contender runs, as small as a program can be. Its name says what it does: true ends at once, pause sleeps
 * for ever, tick writes a byte to its terminal each millisecond, read reads all files below its argument. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char buffer[1 << 18];

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
  if (list != NULL) closedir(list);
  else close(fd);
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
  if (name != NULL && strcmp(name, "/read") == 0) return argc == 2 && read_below(AT_FDCWD, argv[1]) ? 0 : 1;
  return 0;
}
