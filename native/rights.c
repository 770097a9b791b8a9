/* Sending descriptors, see rights.h. */
#include "rights.h"

#include <string.h>
#include <sys/socket.h>

ssize_t rights_send(int socket, struct iovec parts[], size_t part_count, const int fds[], size_t fd_count, int flags) {
  size_t size = fd_count * sizeof *fds;
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr header = {
      .msg_iov = parts, .msg_iovlen = part_count, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
  struct cmsghdr *part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(size);
  memcpy(CMSG_DATA(part), fds, size);
  return sendmsg(socket, &header, flags | MSG_NOSIGNAL);
}
