/* Unix sockets by path, see dial.h. */
#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int dial(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int directory = -1;
  if (strlen(path) < sizeof address.sun_path) {
    strcpy(address.sun_path, path);
  } else {
    /* By way of its directory's descriptor, as sun_path takes only 107 bytes. */
    char parent[PATH_MAX];
    const char *name = strrchr(path, '/');
    if (name == NULL || snprintf(parent, sizeof parent, "%.*s/", (int)(name - path), path) >= PATH_MAX) {
      errno = ENAMETOOLONG;
      return -1;
    }
    directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.60s", directory, name + 1);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  int error = errno;
  if (directory >= 0) close(directory);
  if (connected) return fd;
  if (fd >= 0) close(fd);
  errno = error;
  return -1;
}
