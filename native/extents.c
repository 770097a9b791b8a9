/* What a sparse file has that is not a hole, see extents.h. */
#include "extents.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static int failed(const char *call) {
  fprintf(stderr, "%s: %s\n", call, strerror(errno));
  return STATUS_FAILED;
}

int extents_main(int argc, char **argv) {
  int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  off_t begin = 0, end = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: extents FILE\n");
    return STATUS_USAGE;
  }
  if (fd < 0) return failed(argv[1]);
  while ((begin = lseek(fd, end, SEEK_DATA)) >= 0) {
    end = lseek(fd, begin, SEEK_HOLE);
    if (end < 0) return failed("lseek");
    printf("%lld %lld\n", (long long)begin, (long long)(end - begin));
  }
  /* Nothing but a hole up to its end. */
  if (errno != ENXIO) return failed("lseek");
  return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}
