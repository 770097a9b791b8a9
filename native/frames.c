/* Frames on a stream socket, see frames.h. */
#include "frames.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FIRST_BYTES = 256 * 1024 };

/* Mappings and not the heap: a forked monitor gives them back whole. */
static bool resize(struct frame_input *input, size_t size) {
  char *grown = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (grown == MAP_FAILED) return false;
  size_t length = input->end - input->start;
  if (length > 0) memcpy(grown, input->base + input->start, length);
  frames_forget(input);
  *input = (struct frame_input){grown, size, 0, length};
  return true;
}

void frames_forget(struct frame_input *input) {
  if (input->base != NULL) munmap(input->base, input->size);
  *input = (struct frame_input){NULL, 0, 0, 0};
}

static bool make_room(struct frame_input *input) {
  if (input->start == input->end) input->start = input->end = 0;
  if (input->end < input->size) return true;
  if (input->start > 0) {
    memmove(input->base, input->base + input->start, input->end - input->start);
    input->end -= input->start;
    input->start = 0;
    return true;
  }
  return resize(input, input->size == 0 ? FIRST_BYTES : input->size * 2);
}

bool frames_read(int fd, struct frame_input *input) {
  if (!make_room(input)) return false;
  ssize_t n = read(fd, input->base + input->end, input->size - input->end);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  input->end += (size_t)n;
  return n > 0;
}

bool frames_read_with_fds(int fd, struct frame_input *input, int *fds, int count) {
  enum { MAX_FDS = 16 };
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
  } control;
  if (!make_room(input)) return false;
  struct iovec vector = {input->base + input->end, input->size - input->end};
  struct msghdr header = {
      .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.space};
  ssize_t n = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part != NULL; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int got[MAX_FDS];
    size_t size = part->cmsg_len - CMSG_LEN(0);
    memcpy(got, CMSG_DATA(part), size);
    bool wanted = size == (size_t)count * sizeof(int) && fds[0] < 0;
    if (wanted) memcpy(fds, got, size);
    for (size_t i = 0; !wanted && i < size / sizeof(int); i++) close(got[i]);
  }
  input->end += (size_t)n;
  return n > 0;
}

bool frames_next(struct frame_input *input, struct frame *frame, bool *broken) {
  struct frame_head head;
  size_t length = input->end - input->start;
  if (length < sizeof head) return false;
  memcpy(&head, input->base + input->start, sizeof head);
  *broken = head.size > FRAME_MAX_BYTES;
  if (*broken || length < sizeof head + head.size) return false;
  *frame = (struct frame){head.id, head.kind, input->base + input->start + sizeof head, head.size};
  input->start += sizeof head + head.size;
  return true;
}

bool frame_write(int fd, uint32_t kind, uint32_t id, const char *bytes, size_t size) {
  struct frame_head head = {(uint32_t)size, id, kind};
  size_t done = 0;
  while (done < sizeof head + size) {
    size_t of_head = done < sizeof head ? sizeof head - done : 0;
    size_t at = of_head > 0 ? 0 : done - sizeof head;
    struct iovec parts[2] = {{(char *)&head + done, of_head}, {(char *)(size_t)bytes + at, size - at}};
    ssize_t n = of_head > 0 ? writev(fd, parts, 2) : writev(fd, parts + 1, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += (size_t)n;
  }
  return true;
}
