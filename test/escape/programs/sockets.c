/* sockets vsock: "open" if a socket to the machine's hypervisor can be made; sockets uevents: says "listens", and
 * "heard" when the kernel tells of a device. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_for_uevents(void) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
  char event[4096];
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  setvbuf(stdout, NULL, _IONBF, 0);
  puts("listens");
  /* ENOBUFS: too many at once, and some are lost. */
  for (ssize_t n; (n = recv(fd, event, sizeof event - 1, 0)) > 0 || errno == ENOBUFS;) {
    if (n <= 0) continue;
    event[n] = '\0';
    if (strstr(event, "/mem/null") != NULL) return puts("heard") < 0;
  }
  return 1;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "uevents") == 0) return listen_for_uevents();
  if (socket(AF_VSOCK, SOCK_STREAM, 0) >= 0) puts("open");
  return 0;
}
