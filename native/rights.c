/* Sending descriptors, see rights.h. */
#include "rights.h"

#include <string.h>
#include <sys/socket.h>

bool rights_send(int socket, const char *bytes, size_t size, const int fds[], int count, int flags) {
  size_t fds_size = (size_t)count * sizeof *fds;
  struct iovec vector = {(void *)(size_t)bytes, size};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(RIGHTS_MAX * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct msghdr header = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(fds_size)};
  struct cmsghdr *part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fds_size);
  memcpy(CMSG_DATA(part), fds, fds_size);
  return sendmsg(socket, &header, flags | MSG_NOSIGNAL) == (ssize_t)size;
}
