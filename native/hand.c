/* The socket pair between the two sides, see hand.h. */
#include "hand.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "rights.h"

bool hand_pair(int sockets[2]) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0;
}

bool hand_send(int socket, enum hand_message message) {
  char byte = (char)message;
  return send(socket, &byte, 1, MSG_NOSIGNAL) == 1;
}

bool hand_send_pid(int socket, int pid) {
  char bytes[1 + sizeof pid] = {HAND_CHILD};
  memcpy(bytes + 1, &pid, sizeof pid);
  return send(socket, bytes, sizeof bytes, MSG_NOSIGNAL) == (ssize_t)sizeof bytes;
}

bool hand_send_fd(int socket, enum hand_message message, int fd) {
  char byte = (char)message;
  struct iovec part = {&byte, 1};
  return rights_send(socket, &part, 1, &fd, 1, 0) == 1;
}

bool hand_send_program(int socket, const struct plan *program) {
  char byte = HAND_GO;
  struct iovec parts[2] = {{&byte, 1}, {program->base, program->length}};
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
  return sendmsg(socket, &header, MSG_NOSIGNAL) == (ssize_t)(1 + program->length);
}

bool hand_receive_program(int socket, struct plan *program) {
  ssize_t size;
  do {
    size = recv(socket, NULL, 0, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size <= 1 || !plan_room(program, (size_t)size - 1)) return false;
  char byte = 0;
  struct iovec parts[2] = {{&byte, 1}, {program->base, program->length}};
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
  return recvmsg(socket, &header, 0) == size && byte == HAND_GO;
}

static enum hand_message interpret(struct hand_packet *packet, const char *bytes, size_t length) {
  if (length == 0) return HAND_END;
  if (length == sizeof packet->failure) {
    memcpy(&packet->failure, bytes, sizeof packet->failure);
    return HAND_FAILURE;
  }
  if (bytes[0] == HAND_CHILD && length == 1 + sizeof packet->pid) {
    memcpy(&packet->pid, bytes + 1, sizeof packet->pid);
    return HAND_CHILD;
  }
  return length == 1 ? (enum hand_message)bytes[0] : HAND_END;
}

enum hand_message hand_receive(int socket, struct hand_packet *packet, bool wait) {
  static char bytes[sizeof(struct failure)];
  struct iovec vector = {bytes, sizeof bytes};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr header = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
  packet->fd = -1;
  ssize_t n;
  do {
    n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    /* Said once if the other side died with something of ours unread; what it sent before is still to come. */
  } while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) return packet->message = errno == EAGAIN ? HAND_NOTHING : HAND_END;
  struct cmsghdr *part = CMSG_FIRSTHDR(&header);
  if (part != NULL && part->cmsg_type == SCM_RIGHTS) memcpy(&packet->fd, CMSG_DATA(part), sizeof packet->fd);
  return packet->message = interpret(packet, bytes, (size_t)n);
}
