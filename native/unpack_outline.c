/* All of an archive but the content of its files. */
#include "unpack_outline.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "unpack_report.h"

enum { BUFFER_SIZE = 64 << 10, SHORTEST_RUN = 16 };

static bool started, broken;
static unsigned char buffer[BUFFER_SIZE];
static size_t used;

static void flush(void) {
  unpack_write_all(STDOUT_FILENO, buffer, used, "write the outline", NULL);
  used = 0;
}

static void put(const void *bytes, size_t size) {
  if (used + size > sizeof buffer) flush();
  memcpy(buffer + used, bytes, size);
  used += size;
}

static void put_number(uint64_t value, int width) {
  unsigned char bytes[8];

  for (int i = 0; i < width; i++) bytes[i] = (unsigned char)(value >> (8 * i));
  put(bytes, (size_t)width);
}

void unpack_outline_start(void) {
  started = true;
}

bool unpack_outline_is_wanted(void) {
  return started;
}

static void put_literal(const unsigned char *bytes, size_t size) {
  while (size > 0) {
    size_t piece = size < BUFFER_SIZE / 2 ? size : BUFFER_SIZE / 2;

    put("L", 1);
    put_number(piece, 4);
    put(bytes, piece);
    bytes += piece;
    size -= piece;
  }
}

/* Headers are zeros for the most part. */
void unpack_outline_bytes(const unsigned char *bytes, size_t size) {
  size_t begin = 0;

  if (!started) return;
  for (size_t i = 0; i < size;) {
    size_t run = i;

    while (run < size && bytes[run] == 0) run++;
    if (run - i >= SHORTEST_RUN) {
      put_literal(bytes + begin, i - begin);
      put("Z", 1);
      put_number(run - i, 8);
      begin = run;
    }
    i = run > i ? run : i + 1;
  }
  put_literal(bytes + begin, size - begin);
}

void unpack_outline_file(const char *path, uint64_t offset, uint64_t size) {
  size_t length = strlen(path);

  if (!started || size == 0) return;
  put("F", 1);
  put_number(offset, 8);
  put_number(size, 8);
  put_number(length, 2);
  put(path, length);
}

void unpack_outline_broken(void) {
  if (!started || broken) return;
  broken = true;
  put("X", 1);
}

bool unpack_outline_is_exact(void) {
  return started && !broken;
}

void unpack_outline_end(void) {
  if (!started) return;
  put("E", 1);
  flush();
}
