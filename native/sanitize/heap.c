/* What is allotted has edges that may not be used, and is kept for a while when it has been freed; see shadow.h. Put
 * around libc's by ld's --wrap, so for libc's own calls, too; what it allots in other ways is known by the mark that is
 * missing. */
#include <errno.h>
#include <string.h>

#include "shadow.h"

enum { EDGE = 32, KEPT = 256 };
static const uint64_t mark_used = 0x7a6f6e6568656170, mark_freed = 0x66726565643a2d28;

/* The last 32 bytes before what the caller has. */
struct head {
  uint64_t mark;
  size_t size;
  uint64_t unused[2];
};

/* What has been freed, as a ring: the oldest goes back to libc first. */
static struct head *kept[KEPT];
static size_t next;

void *__real_malloc(size_t size);
void __real_free(void *memory);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static struct head *head_of(void *memory) {
  return (struct head *)((char *)memory - sizeof(struct head));
}

static size_t rounded(size_t size) {
  return (size + EDGE - 1) & ~(size_t)(EDGE - 1);
}

void *__wrap_malloc(size_t size) {
  if (size > SIZE_MAX / 2) {
    errno = ENOMEM;
    return NULL;
  }
  struct head *head = __real_malloc(sizeof *head + rounded(size) + EDGE);
  if (head == NULL) return NULL;
  shadow_map();
  *head = (struct head){.mark = mark_used, .size = size};
  char *memory = (char *)(head + 1);
  shadow_forbid((uintptr_t)head, sizeof *head, HEAP_EDGE);
  shadow_forbid((uintptr_t)memory, rounded(size) + EDGE, HEAP_EDGE);
  shadow_allow((uintptr_t)memory, size);
  return memory;
}

void *__wrap_calloc(size_t count, size_t size) {
  size_t all = 0;
  if (__builtin_mul_overflow(count, size, &all)) {
    errno = ENOMEM;
    return NULL;
  }
  void *memory = __wrap_malloc(all);
  if (memory != NULL) memset(memory, 0, all);
  return memory;
}

void *__wrap_realloc(void *memory, size_t size) {
  if (memory == NULL) return __wrap_malloc(size);
  struct head *head = head_of(memory);
  if (head->mark == mark_freed) shadow_report((uintptr_t)memory, head->size, "realloc of what has been freed");
  if (head->mark != mark_used) return __real_realloc(memory, size);
  void *other = __wrap_malloc(size);
  if (other == NULL) return NULL;
  memcpy(other, memory, head->size < size ? head->size : size);
  __wrap_free(memory);
  return other;
}

void __wrap_free(void *memory) {
  if (memory == NULL) return;
  struct head *head = head_of(memory);
  if (head->mark == mark_freed) shadow_report((uintptr_t)memory, head->size, "free of what has been freed");
  if (head->mark != mark_used) {
    __real_free(memory);
    return;
  }
  head->mark = mark_freed;
  shadow_forbid((uintptr_t)memory, rounded(head->size), HEAP_FREED);
  struct head *oldest = kept[next];
  kept[next] = head;
  next = (next + 1) % KEPT;
  if (oldest == NULL) return;
  oldest->mark = 0;
  shadow_allow((uintptr_t)oldest, sizeof *oldest + rounded(oldest->size) + EDGE);
  __real_free(oldest);
}
