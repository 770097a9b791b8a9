/* See hex.h. */
#include "hex.h"

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool hex_decode(const char *hex, unsigned char *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) {
    int high = hex_digit(hex[2 * i]);
    int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);
    if (low < 0) return false;
    bytes[i] = (unsigned char)(high << 4 | low);
  }
  return true;
}
