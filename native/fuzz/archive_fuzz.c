/* Fuzzes the reading of archives: headers, PAX records, sparse maps. Checksums are made right on the way, and what ends the process
 * ends the run. Writing is unpack_fuzz's. */
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is in use is known, as an archive that is refused leaves it behind. */
static void forget(void *memory);
#define free forget
#include "../unpack_pax.c"
#include "../unpack_strdup.c"
#include "../unpack_tar.c"
#undef free

enum { MAX_BLOCKS = 4096, AT_SUM = 148, SUM_WIDTH = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at, *end;
static jmp_buf refused;
static void *blocks[MAX_BLOCKS];
static size_t block_count;

static void forget(void *memory) {
  for (size_t i = block_count; memory != NULL && i-- > 0;) {
    if (blocks[i] != memory) continue;
    blocks[i] = blocks[--block_count];
    free(memory);
    return;
  }
  if (memory != NULL) abort();
}

void *unpack_alloc(void *old, size_t size) {
  size_t place = block_count;
  for (size_t i = 0; old != NULL && i < block_count; i++) {
    if (blocks[i] == old) place = i;
  }
  if (place == MAX_BLOCKS || (old != NULL && place == block_count)) abort();
  void *memory = realloc(old, size == 0 ? 1 : size);
  if (memory == NULL) abort();
  blocks[place] = memory;
  if (place == block_count) block_count++;
  return memory;
}

_Noreturn void unpack_die(int err, const char *what, const char *entry) {
  (void)err;
  (void)what;
  (void)entry;
  longjmp(refused, 1);
}

void unpack_set_entry(const char *path) {
  if (path != NULL && strlen(path) == SIZE_MAX) abort();
}

static void need(uint64_t size) {
  if (size > (uint64_t)(end - at)) unpack_die(0, "truncated", NULL);
}

static void set_sum(unsigned char *block) {
  unsigned sum = 0;
  memset(block + AT_SUM, ' ', SUM_WIDTH);
  for (int i = 0; i < TAR_BLOCK; i++) sum += block[i];
  for (int i = 5; i >= 0; i--, sum >>= 3) block[AT_SUM + i] = (unsigned char)('0' + (sum & 7));
}

void unpack_input_exact(void *buffer, size_t size) {
  need(size);
  memcpy(buffer, at, size);
  at += size;
  unsigned char *block = buffer;
  if (size == TAR_BLOCK && (block[0] != 0 || memcmp(block, block + 1, TAR_BLOCK - 1) != 0)) set_sum(block);
}

void unpack_input_skip(uint64_t size) {
  need(size);
  at += size;
}

size_t unpack_input_piece(const unsigned char **piece, uint64_t max) {
  need(1);
  size_t size = (size_t)(end - at);
  if (size > max) size = (size_t)max;
  *piece = at;
  at += size;
  return size;
}

/* Touches all that the writer would. */
static void look_at(const struct tar_entry *entry) {
  volatile size_t sum = strlen(entry->path);
  if (entry->link != NULL) sum += strlen(entry->link);
  for (size_t i = 0; i < entry->xattr_count; i++) {
    sum += strlen(entry->xattrs[i].name);
    for (size_t n = 0; n < entry->xattrs[i].size; n++) sum += (unsigned char)entry->xattrs[i].value[n];
  }
  uint64_t bytes = 0, last = 0;
  for (size_t i = 0; i < entry->region_count; i++) {
    const struct tar_region *region = &entry->regions[i];
    if (region->offset < last || region->size > entry->real_size - region->offset) abort();
    last = region->offset + region->size;
    bytes += region->size;
  }
  if (entry->sparse && bytes != entry->size) abort();
}

static void read_all(void) {
  static struct tar_entry entry;
  entry = (struct tar_entry){0};
  pax = (struct pax){0};
  long_name = long_link = NULL;
  if (setjmp(refused) != 0) return;
  while (tar_next(&entry)) {
    look_at(&entry);
    unpack_input_skip(entry.size);
    tar_pad(entry.size);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  at = data;
  end = data + size;
  read_all();
  while (block_count > 0) free(blocks[--block_count]);
  return 0;
}
