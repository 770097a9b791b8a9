/* The copy of a text that is not ended, see unpack_report.h. By itself, since the fuzzer has an unpack_alloc of its own. */
#include <string.h>

#include "unpack_report.h"

char *unpack_strdup(const char *text, size_t length) {
  char *copy = unpack_alloc(NULL, length + 1);

  memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}
