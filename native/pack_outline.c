/* The archive that a directory was unpacked from, made again from its outline. */
#include "pack_outline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pack_header.h"
#include "unpack_confine.h"
#include "unpack_input.h"
#include "unpack_path.h"
#include "unpack_report.h"

static uint64_t number(int width) {
  unsigned char bytes[8];
  uint64_t value = 0;

  unpack_input_exact(bytes, (size_t)width);
  for (int i = width; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

static void copy_literal(uint64_t size) {
  while (size > 0) {
    size_t room;
    char *to = pack_room(&room);

    if (room > size) room = (size_t)size;
    unpack_input_exact(to, room);
    pack_filled(room);
    size -= room;
  }
}

static void copy_content(int fd, uint64_t offset, uint64_t size, const char *path) {
  while (size > 0) {
    size_t room;
    char *to = pack_room(&room);
    ssize_t got = pread(fd, to, room < size ? room : (size_t)size, (off_t)offset);

    if (got < 0 && errno == EINTR) continue;
    if (got < 0) unpack_die(errno, "read", path);
    if (got == 0) unpack_die(0, "a file is shorter than it was", path);
    pack_filled((size_t)got);
    offset += (uint64_t)got;
    size -= (uint64_t)got;
  }
}

static void copy_file(int root) {
  char path[UNPACK_PATH_MAX];
  uint64_t offset = number(8), size = number(8), length = number(2);
  struct stat st;
  int fd;

  if (length >= sizeof path) unpack_die(0, "the outline is damaged", "");
  unpack_input_exact(path, (size_t)length);
  path[length] = '\0';
  fd = unpack_open_in_root(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (fd < 0) unpack_die(errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? 0 : errno, "a file is missing", path);
  if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) unpack_die(0, "a file is no file any more", path);
  copy_content(fd, offset, size, path);
  close(fd);
}

void pack_outline(int root) {
  for (;;) {
    char kind;

    unpack_input_exact(&kind, 1);
    switch (kind) {
    case 'L':
      copy_literal(number(4));
      break;
    case 'Z':
      pack_zeros(number(8));
      break;
    case 'F':
      copy_file(root);
      break;
    case 'X':
      unpack_die(0, "the archive replaced some of its own entries", "");
    case 'E':
      pack_flush();
      return;
    default:
      unpack_die(0, "the outline is damaged", "");
    }
  }
}
