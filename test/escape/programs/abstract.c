/* abstract NAME [listen]: connects to an abstract socket, or is one. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (argc < 2) return 2;
  strncpy(address.sun_path + 1, argv[1], sizeof address.sun_path - 2);
  socklen_t size = (socklen_t)(sizeof address.sun_family + 1 + strlen(argv[1]));
  if (argc == 2) {
    if (connect(fd, (struct sockaddr *)&address, size) != 0) return perror("connect"), 1;
    puts("connected");
    return 0;
  }
  if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0) return perror("bind"), 1;
  puts("listens");
  fflush(stdout);
  pause();
  return 0;
}
