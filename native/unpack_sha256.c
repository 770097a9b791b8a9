/* SHA-256 (FIPS 180-4) by the processor's own instructions. */
#include "unpack_sha256.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK = 64 };

void unpack_sha256_start(struct unpack_sha256 *sha) {
  static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

  memcpy(sha->state, first, sizeof first);
  sha->size = 0;
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t rounds[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool unpack_sha256_can(void) {
  unsigned a, b, c, d;

  /* Leaf 1: SSSE3 and SSE4.1; leaf 7: SHA. */
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

#define SHA_TARGET __attribute__((target("sha,ssse3,sse4.1"), optimize("O2", "unroll-loops")))

/*
 * The instructions keep A, B, E, F in one register and C, D, G, H in another; one does two rounds, whose words of the message, with
 * the constants added, lie in the lower half of the third. Four words of the schedule are made from the sixteen before at once.
 */
SHA_TARGET static void add_blocks(uint32_t state[8], const unsigned char *bytes, size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i dcba = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)&state[0]), 0xb1);
  __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)&state[4]), 0x1b);
  __m128i abef = _mm_alignr_epi8(dcba, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, dcba, 0xf0);

  for (; count > 0; count--, bytes += BLOCK) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i words[4];

    for (int i = 0; i < 16; i++) {
      __m128i *now = &words[i % 4], with;

      if (i < 4)
        *now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i)), big_endian);
      else {
        const __m128i last = words[(i + 3) % 4], before = words[(i + 2) % 4];

        with = _mm_add_epi32(_mm_sha256msg1_epu32(*now, words[(i + 1) % 4]), _mm_alignr_epi8(last, before, 4));
        *now = _mm_sha256msg2_epu32(with, last);
      }
      with = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(const void *)&rounds[4 * i]));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, with);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(with, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  dcba = _mm_shuffle_epi32(abef, 0x1b);
  hgfe = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)&state[0], _mm_blend_epi16(dcba, hgfe, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)&state[4], _mm_alignr_epi8(hgfe, dcba, 8));
}

#else

bool unpack_sha256_can(void) {
  return false;
}

static void add_blocks(uint32_t state[8], const unsigned char *bytes, size_t count) {
  (void)state, (void)bytes, (void)count;
}

#endif

void unpack_sha256_add(struct unpack_sha256 *sha, const unsigned char *bytes, size_t size) {
  const size_t had = sha->size % BLOCK, missing = had == 0 ? 0 : BLOCK - had;

  sha->size += size;
  if (size < missing) {
    memcpy(sha->rest + had, bytes, size);
    return;
  }
  if (missing > 0) {
    memcpy(sha->rest + had, bytes, missing);
    add_blocks(sha->state, sha->rest, 1);
    bytes += missing;
    size -= missing;
  }
  add_blocks(sha->state, bytes, size / BLOCK);
  memcpy(sha->rest, bytes + size / BLOCK * BLOCK, size % BLOCK);
}

void unpack_sha256_end(struct unpack_sha256 *sha, char hex[65]) {
  static const unsigned char padding[BLOCK] = {0x80};
  const uint64_t bits = sha->size * 8;
  unsigned char length[8];

  for (int i = 0; i < 8; i++) length[i] = (unsigned char)(bits >> (56 - 8 * i));
  unpack_sha256_add(sha, padding, BLOCK - (sha->size + 8) % BLOCK);
  unpack_sha256_add(sha, length, sizeof length);
  for (int i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", (unsigned)sha->state[i]);
}
