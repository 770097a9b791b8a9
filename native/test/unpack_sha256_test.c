/* SHA-256 by instructions: vectors of FIPS 180-4, and every split of a message around the length of a block. */
#include "check.h"
#include "unpack_sha256.h"

static const char *digest_of(const unsigned char *bytes, size_t size, size_t piece) {
  static char hex[65];
  struct unpack_sha256 sha;

  unpack_sha256_start(&sha);
  for (size_t done = 0; done < size; done += piece)
    unpack_sha256_add(&sha, bytes + done, size - done < piece ? size - done : piece);
  unpack_sha256_end(&sha, hex);
  return hex;
}

int main(void) {
  static unsigned char many[1000000];
  char whole[65];

  if (!unpack_sha256_can()) {
    puts("unpack_sha256_test: skipped, this processor has no SHA instructions");
    return 0;
  }
  CHECK_TEXT(digest_of((const unsigned char *)"", 0, 1),
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK_TEXT(digest_of((const unsigned char *)"abc", 3, 3),
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK_TEXT(digest_of((const unsigned char *)"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 56),
             "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  memset(many, 'a', sizeof many);
  CHECK_TEXT(digest_of(many, sizeof many, 4096), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  for (size_t i = 0; i < 260; i++) many[i] = (unsigned char)(i * 7);
  for (size_t size = 1; size < 260; size++) {
    memcpy(whole, digest_of(many, size, size), sizeof whole);
    for (size_t piece = 1; piece < size; piece += 3) CHECK_TEXT(digest_of(many, size, piece), whole);
  }
  puts("unpack_sha256_test: passed");
  return 0;
}
