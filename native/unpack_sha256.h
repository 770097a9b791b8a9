/* SHA-256 (FIPS 180-4) by the processor's own instructions; there is none in C here: node has one where those are missing. */
#ifndef UNPACK_SHA256_H
#define UNPACK_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unpack_sha256 {
  uint32_t state[8];
  uint64_t size;
  unsigned char rest[64];
};

/* False: this processor has no such instructions. */
bool unpack_sha256_can(void);

void unpack_sha256_start(struct unpack_sha256 *sha);
void unpack_sha256_add(struct unpack_sha256 *sha, const unsigned char *bytes, size_t size);
/* 64 hex digits and NUL. */
void unpack_sha256_end(struct unpack_sha256 *sha, char hex[65]);

#endif
