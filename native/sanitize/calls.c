/* What the compiler calls, with -fsanitize=kernel-address, before each access; see shadow.h. */
#include "shadow.h"

/* As gcc lays it out. */
struct global {
  uintptr_t start;
  size_t size;
  size_t size_with_edge;
  const char *name;
  const char *module;
  size_t is_initialised_late;
  const void *location;
  uintptr_t odr;
};

void __asan_register_globals(const struct global *globals, size_t count);
void __asan_unregister_globals(const struct global *globals, size_t count);
void __asan_handle_no_return(void);
void __asan_alloca_poison(uintptr_t start, size_t size);
void __asan_allocas_unpoison(uintptr_t top, uintptr_t bottom);
void __asan_poison_stack_memory(uintptr_t start, size_t size);
void __asan_unpoison_stack_memory(uintptr_t start, size_t size);

void __asan_register_globals(const struct global *globals, size_t count) {
  shadow_map();
  for (size_t i = 0; i < count; i++) {
    const struct global *one = &globals[i];
    size_t used = (one->size + GRANULE - 1) & ~(size_t)(GRANULE - 1);
    shadow_allow(one->start, one->size);
    shadow_forbid(one->start + used, one->size_with_edge - used, GLOBAL_EDGE);
  }
}

void __asan_unregister_globals(const struct global *globals, size_t count) {
  (void)globals;
  (void)count;
}

/* Of our programs nothing jumps back over frames. */
void __asan_handle_no_return(void) {}

/* 32 bytes on each side; the one above begins at the next multiple of 32. */
void __asan_alloca_poison(uintptr_t start, size_t size) {
  uintptr_t end = (start + size + 31) & ~(uintptr_t)31;
  shadow_forbid(start - 32, 32, ALLOCA_EDGE);
  shadow_allow(start, size);
  shadow_forbid(end, 32, ALLOCA_EDGE);
}

void __asan_allocas_unpoison(uintptr_t top, uintptr_t bottom) {
  if (top != 0 && top < bottom) shadow_allow(top, bottom - top);
}

void __asan_poison_stack_memory(uintptr_t start, size_t size) {
  shadow_forbid(start, size, OUT_OF_SCOPE);
}

void __asan_unpoison_stack_memory(uintptr_t start, size_t size) {
  shadow_allow(start, size);
}

#define ACCESS(NAME, SIZE)                                                                                             \
  void __asan_load##NAME##_noabort(const void *from);                                                                  \
  void __asan_store##NAME##_noabort(const void *to);                                                                   \
  void __asan_load##NAME##_noabort(const void *from) {                                                                 \
    shadow_check(from, SIZE, "read");                                                                                  \
  }                                                                                                                    \
  void __asan_store##NAME##_noabort(const void *to) {                                                                  \
    shadow_check(to, SIZE, "write");                                                                                   \
  }

ACCESS(1, 1)
ACCESS(2, 2)
ACCESS(4, 4)
ACCESS(8, 8)
ACCESS(16, 16)

void __asan_loadN_noabort(const void *from, size_t size);
void __asan_storeN_noabort(const void *to, size_t size);
void __asan_loadN_noabort(const void *from, size_t size) {
  shadow_check(from, size, "read");
}
void __asan_storeN_noabort(const void *to, size_t size) {
  shadow_check(to, size, "write");
}
