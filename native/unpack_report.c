/* What unpack and pack say when they end: one line of JSON. */
#include "unpack_report.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SHOWN = 1024 };

static const char *current_entry = "";

void unpack_set_entry(const char *path) {
  current_entry = path;
}

void unpack_json_string(FILE *out, const char *text) {
  fputc('"', out);
  for (size_t i = 0; text[i] != '\0' && i < MAX_SHOWN; i++) {
    unsigned char c = (unsigned char)text[i];

    if (c == '"' || c == '\\')
      fprintf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      fprintf(out, "\\u%04x", c);
    else
      fputc(c, out);
  }
  fputc('"', out);
}

_Noreturn void unpack_die(int err, const char *what, const char *entry) {
  static atomic_flag is_said = ATOMIC_FLAG_INIT;
  char text[512];

  /* Of two threads the first says why; the process is about to end. */
  while (atomic_flag_test_and_set(&is_said)) pause();

  if (err != 0)
    snprintf(text, sizeof text, "%s: %s", what, strerror(err));
  else
    snprintf(text, sizeof text, "%s", what);
  /* Another thread may be about to tell how far it is: it does not come in between. */
  flockfile(stderr);
  fputs("{\"error\":", stderr);
  unpack_json_string(stderr, text);
  fputs(",\"entry\":", stderr);
  unpack_json_string(stderr, entry != NULL ? entry : current_entry);
  fprintf(stderr, ",\"errno\":%d}\n", err);
  fflush(stderr);
  _exit(1);
}

void *unpack_alloc(void *old, size_t size) {
  void *memory = realloc(old, size == 0 ? 1 : size);

  if (memory == NULL) unpack_die(ENOMEM, "out of memory", NULL);
  return memory;
}

void unpack_write_all(int fd, const void *data, size_t size, const char *what, const char *entry) {
  const char *rest = data;

  while (size > 0) {
    ssize_t written = write(fd, rest, size);

    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) unpack_die(written < 0 ? errno : EIO, what, entry);
    rest += written;
    size -= (size_t)written;
  }
}
