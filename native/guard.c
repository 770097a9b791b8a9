/* The exec's guard, see guard.h. */
#include "guard.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int guard = -1;

/* By way of its directory's descriptor if the path is longer than sun_path. */
static int connect_to(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int directory = -1;
  if (strlen(path) < sizeof address.sun_path) {
    strcpy(address.sun_path, path);
  } else {
    char parent[PATH_MAX];
    const char *name = strrchr(path, '/');
    if (name == NULL || snprintf(parent, sizeof parent, "%.*s/", (int)(name - path), path) >= PATH_MAX) return -1;
    directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%.60s", directory, name + 1);
  }
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bool connected = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
  if (directory >= 0) close(directory);
  if (connected) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

void guard_start(const char *socket_path, const char *group) {
  char line[PATH_MAX + 8];
  if (socket_path == NULL || group == NULL) return;
  guard = connect_to(socket_path);
  int length = snprintf(line, sizeof line, "guard %s\n", group);
  if (guard >= 0) send(guard, line, (size_t)length, MSG_NOSIGNAL);
}

void guard_stop(void) {
  if (guard >= 0) send(guard, "done\n", 5, MSG_NOSIGNAL);
}
