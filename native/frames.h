/* What the spawner and node say to each other: frames on one stream socket, see spawner.h for their kinds. */
#ifndef TSZONE_FRAMES_H
#define TSZONE_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX_BYTES = 17 * 1024 * 1024 };

/* As it is on the wire, in the machine's byte order; `size` bytes follow. */
struct frame_head {
  uint32_t size, id, kind;
};

struct frame {
  uint32_t id, kind;
  const char *bytes;
  size_t size;
};

/* Bytes that have been read and not yet been used. */
struct frame_input {
  char *base;
  size_t size, start, end;
};

/* One read of what is there. False at the end of the stream, or when memory is short. */
bool frames_read(int fd, struct frame_input *input);
/* The same with the descriptors that come along (SCM_RIGHTS); fds are left alone if there are not just `count`. */
bool frames_read_with_fds(int fd, struct frame_input *input, int *fds, int count);
/* The next whole frame, valid until the next frames_read. False if there is none; `broken` if there never will be. */
bool frames_next(struct frame_input *input, struct frame *frame, bool *broken);
/* A forked child has no use for it. */
void frames_forget(struct frame_input *input);
/* Waits until all is written. False if the reader is gone. */
bool frame_write(int fd, uint32_t kind, uint32_t id, const char *bytes, size_t size);

#endif
