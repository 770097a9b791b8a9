/* What comes by `program`, see late.h. */
#include "late.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report.h"

enum { STDIO = 3 };

static struct plan program;
static size_t length; /* of it, so far */
static bool begun, given;
static int descriptors[STDIO] = {-1, -1, -1};

static bool is_missing(void) {
  return begun && length < program.length;
}

static void keep_descriptors(struct msghdr *header) {
  struct cmsghdr *part = CMSG_FIRSTHDR(header);
  if (part == NULL || part->cmsg_type != SCM_RIGHTS || part->cmsg_len != CMSG_LEN(sizeof descriptors)) return;
  memcpy(descriptors, CMSG_DATA(part), sizeof descriptors);
}

ssize_t late_read(char *line, size_t size, bool *taken) {
  *taken = !is_missing();
  if (is_missing()) {
    ssize_t n = read(EVENT_FD, program.base + length, program.length - length);
    if (n > 0) length += (size_t)n;
    return n;
  }
  struct iovec vector = {line, size};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof descriptors)];
  } control;
  struct msghdr header = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
  ssize_t n = recvmsg(EVENT_FD, &header, MSG_CMSG_CLOEXEC);
  /* fd 4 may be a pipe or a file when a plan is replayed by hand. */
  if (n < 0 && errno == ENOTSOCK) return read(EVENT_FD, line, size);
  if (n > 0) keep_descriptors(&header);
  return n;
}

void late_begin(long long bytes) {
  if (begun || bytes <= 0 || bytes > LATE_MAX_BYTES) return;
  begun = plan_room(&program, (size_t)bytes);
}

size_t late_take(const char *bytes, size_t count) {
  if (!is_missing()) return 0;
  size_t room = program.length - length;
  size_t used = count < room ? count : room;
  memcpy(program.base + length, bytes, used);
  length += used;
  return used;
}

struct plan *late_program(void) {
  if (given || !begun || is_missing()) return NULL;
  struct plan_error error;
  if (!plan_check(&program, &error)) fail_with(EINVAL, "", error.token, error.message);
  given = true;
  return &program;
}

void late_adopt_stdio(void) {
  for (int fd = 0; fd < STDIO; fd++) {
    if (descriptors[fd] < 0 || dup2(descriptors[fd], fd) < 0) fail("dup2", "stdio");
    close(descriptors[fd]);
  }
}
