/* What is left to do of a file once it is made, its content and attributes, by a thread beside the one that reads the archive. */
#ifndef UNPACK_ASIDE_H
#define UNPACK_ASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct unpack_finish {
  uint32_t uid, gid; /* UINT32_MAX: as it is */
  mode_t mode;
  struct timespec times[2];
};

/* From here on there is a second thread, if there is a second processor for it. */
void unpack_aside_start(void);
bool unpack_aside_is_on(void);

/* The last piece of input goes into FD, after those before. */
void unpack_aside_write(int fd, const unsigned char *data, size_t size, const char *path);
/* And then FD is finished and closed. */
void unpack_aside_finish(int fd, const struct unpack_finish *finish, const char *path);

/* Whatever was left to do is being done. */
void unpack_aside_go(void);
/* Whatever was left to do is done. */
void unpack_aside_wait(void);

#endif
