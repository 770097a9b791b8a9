/* Bytes in a plan, whose tokens cannot hold NUL. */
#ifndef TSZONE_HEX_H
#define TSZONE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* The first `length` bytes; false if one of them is not written in two hexadecimal digits. */
bool hex_decode(const char *hex, unsigned char *bytes, size_t length);

#endif
