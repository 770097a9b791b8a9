/* The archive as a stream on descriptor 0, read in large pieces. */
#include "unpack_input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "unpack_outline.h"
#include "unpack_report.h"

enum { BUFFER_SIZE = 1 << 20, SHOWN_EVERY = 4 << 20 };

static unsigned char buffer[BUFFER_SIZE];
static size_t buffer_start, buffer_end;
static uint64_t total, shown, limit = UINT64_MAX;
static bool is_shown;

void unpack_input_limit(uint64_t max_bytes) {
  limit = max_bytes;
}

void unpack_input_show_progress(void) {
  is_shown = true;
}

static void show_progress(void) {
  if (!is_shown || total - shown < SHOWN_EVERY) return;
  shown = total;
  printf("{\"bytes\":%" PRIu64 "}\n", shown);
  fflush(stdout);
}

static bool fill(void) {
  ssize_t got;

  do got = read(STDIN_FILENO, buffer, sizeof buffer);
  while (got < 0 && errno == EINTR);
  if (got < 0) unpack_die(errno, "read the archive", NULL);
  total += (uint64_t)got;
  show_progress();
  if (total > limit) unpack_die(0, "the archive is larger than --max-bytes", NULL);
  buffer_start = 0;
  buffer_end = (size_t)got;
  return got > 0;
}

size_t unpack_input_piece(const unsigned char **piece, uint64_t max) {
  size_t size;

  if (buffer_start == buffer_end && !fill()) unpack_die(0, "the archive is truncated", NULL);
  size = buffer_end - buffer_start;
  if (size > max) size = (size_t)max;
  *piece = buffer + buffer_start;
  buffer_start += size;
  return size;
}

void unpack_input_exact(void *to, size_t size) {
  const unsigned char *piece;

  for (size_t done = 0; done < size;) {
    size_t got = unpack_input_piece(&piece, size - done);

    memcpy((char *)to + done, piece, got);
    unpack_outline_bytes(piece, got);
    done += got;
  }
}

void unpack_input_skip(uint64_t size) {
  const unsigned char *piece;

  while (size > 0) {
    size_t got = unpack_input_piece(&piece, size);

    unpack_outline_bytes(piece, got);
    size -= got;
  }
}

void unpack_input_drain(void) {
  do unpack_outline_bytes(buffer + buffer_start, buffer_end - buffer_start);
  while (fill());
}
