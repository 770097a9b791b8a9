/* Netlink requests as bytes, see netlink.h. */
#include "netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "hex.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

/* From linux/netlink.h, which musl-gcc does not see. */
struct nl_header {
  uint32_t length;
  uint16_t type, flags;
  uint32_t sequence, port;
};
struct nl_attribute {
  uint16_t length, type;
};
struct nl_address {
  uint16_t family, pad;
  uint32_t port, groups;
};
enum {
  NL_TYPE_ERROR = 2,
  NL_FLAG_ACK = 4,
  NL_FLAG_CAPPED = 0x100,
  NL_FLAG_ACK_TLVS = 0x200,
  NL_OPTION_CAP_ACK = 10,
  NL_OPTION_EXT_ACK = 11,
  NL_ATTRIBUTE_MESSAGE = 1,
  NL_SOCKET_LEVEL = 270,
  NL_MAX_REQUEST = 256 * 1024,
};

static size_t align4(size_t n) {
  return (n + 3) & ~(size_t)3;
}

/* How many acks the messages ask for; -1 if they are not well-formed. */
static int count_acks(const unsigned char *bytes, size_t length) {
  int count = 0;
  for (size_t at = 0; at < length;) {
    struct nl_header header;
    if (length - at < sizeof header) return -1;
    memcpy(&header, bytes + at, sizeof header);
    if (header.length < sizeof header || header.length > length - at) return -1;
    if ((header.flags & NL_FLAG_ACK) != 0) count++;
    at += align4(header.length);
  }
  return count;
}

/* The text of the extended ack, which follows the (capped) request. */
static void read_text(const unsigned char *message, const struct nl_header *header, char *text, size_t size) {
  if ((header->flags & NL_FLAG_ACK_TLVS) == 0) return;
  size_t at = sizeof *header + sizeof(int32_t) + sizeof(struct nl_header);
  if ((header->flags & NL_FLAG_CAPPED) == 0 && header->length >= at) {
    struct nl_header request;
    memcpy(&request, message + sizeof *header + sizeof(int32_t), sizeof request);
    if (request.length > sizeof request) at += align4(request.length) - sizeof request;
  }
  while (at + sizeof(struct nl_attribute) <= header->length) {
    struct nl_attribute attribute;
    memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.length < sizeof attribute || attribute.length > header->length - at) return;
    if (attribute.type == NL_ATTRIBUTE_MESSAGE) {
      snprintf(text, size, "%.*s", (int)(attribute.length - sizeof attribute), message + at + sizeof attribute);
      return;
    }
    at += align4(attribute.length);
  }
}

/* Reads one datagram; subtracts its acks from *left. 0 or an errno. */
static int read_acks(int fd, int *left, char *text, size_t size) {
  static unsigned char answer[16384] __attribute__((aligned(8)));
  ssize_t n = recv(fd, answer, sizeof answer, 0);
  if (n < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
  for (size_t at = 0; at + sizeof(struct nl_header) <= (size_t)n;) {
    struct nl_header header;
    memcpy(&header, answer + at, sizeof header);
    if (header.length < sizeof header || header.length > (size_t)n - at) return EBADMSG;
    if (header.type == NL_TYPE_ERROR && header.length >= sizeof header + sizeof(int32_t)) {
      int32_t error;
      memcpy(&error, answer + at + sizeof header, sizeof error);
      (*left)--;
      if (error != 0) {
        read_text(answer + at, &header, text, size);
        return -error;
      }
    }
    at += align4(header.length);
  }
  return 0;
}

static int exchange(int fd, const unsigned char *bytes, size_t length, int acks, char *text, size_t size) {
  struct nl_address kernel = {.family = AF_NETLINK};
  struct iovec vector = {(void *)(size_t)bytes, length};
  struct msghdr message = {.msg_name = &kernel, .msg_namelen = sizeof kernel, .msg_iov = &vector, .msg_iovlen = 1};
  if (sendmsg(fd, &message, 0) < 0) return errno;
  while (acks > 0) {
    int error = read_acks(fd, &acks, text, size);
    if (error == EINTR) continue;
    if (error != 0) return error;
  }
  return 0;
}

int netlink_request(const char *protocol, const char *hex, const char **call, char *text, size_t size) {
  *text = '\0';
  *call = "";
  size_t length = strlen(hex) / 2;
  if (strlen(hex) % 2 != 0 || length > NL_MAX_REQUEST) return EINVAL;
  unsigned char *bytes = malloc(length + 1);
  if (bytes == NULL) return ENOMEM;
  int acks = hex_decode(hex, bytes, length) ? count_acks(bytes, length) : -1;
  int error = EINVAL;
  if (acks >= 0) {
    *call = "socket";
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, atoi(protocol));
    error = fd < 0 ? errno : 0;
    if (fd >= 0) {
      int on = 1;
      struct timeval patience = {.tv_sec = 5};
      setsockopt(fd, NL_SOCKET_LEVEL, NL_OPTION_CAP_ACK, &on, sizeof on);
      setsockopt(fd, NL_SOCKET_LEVEL, NL_OPTION_EXT_ACK, &on, sizeof on);
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
      *call = "netlink";
      error = exchange(fd, bytes, length, acks, text, size);
      close(fd);
    }
  }
  free(bytes);
  return error;
}

/* Digits of the pid, in the machine's byte order, into the message. */
static void put_pid(char *hex, pid_t pid) {
  static const char digits[] = "0123456789abcdef";
  unsigned char bytes[4];
  uint32_t number = (uint32_t)pid;
  memcpy(bytes, &number, sizeof bytes);
  for (size_t i = 0; i < sizeof bytes; i++) {
    hex[2 * i] = digits[bytes[i] >> 4];
    hex[2 * i + 1] = digits[bytes[i] & 15];
  }
}

static void send_or_fail(const char *protocol, const char *hex) {
  char text[160];
  const char *call;
  int error = netlink_request(protocol, hex, &call, text, sizeof text);
  if (error == 0) return;
  char message[256];
  snprintf(message, sizeof message, *text == '\0' ? "%s" : "%s (%s)", strerror(error), text);
  fail_with(error, call, "", message);
}

void netlink_host_ops(const struct plan *plan, pid_t pid) {
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    if (op.id != OP_HOST_NL) continue;
    report_step(op_specs[op.id].name, op.index);
    /* The plan is ours to write in. */
    char *hex = (char *)(size_t)op_arg(&op, 1);
    size_t offset = (size_t)parse_number(op_arg(&op, 2)) * 2;
    if (offset > strlen(hex) || strlen(hex) - offset < 8) fail_with(EINVAL, "", op_arg(&op, 2), "no place for a pid");
    put_pid(hex + offset, pid);
    send_or_fail(op_arg(&op, 0), hex);
  }
}

void netlink_send_op(const struct op *op) {
  send_or_fail(op_arg(op, 0), op_arg(op, 1));
}
