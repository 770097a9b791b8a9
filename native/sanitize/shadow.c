/* See shadow.h. */
#include "shadow.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sanitize.h"
#undef vfork

/* The compiler is told the same (-fasan-shadow-offset): 16 TB above where nothing is mapped. */
#define SHADOW_OFFSET 0x100000000000UL
#define SHADOW_BYTES (1UL << (47 - SHADOW_SCALE))
/* How deep below its caller a child of vfork() may have been. */
#define BORROWED_BYTES (512UL * 1024)

const char sanitize_reports[] __attribute__((weak)) = SANITIZE_REPORTS;

static bool is_mapped;

static uint8_t *shadow_of(uintptr_t address) {
  return (uint8_t *)((address >> SHADOW_SCALE) + SHADOW_OFFSET);
}

void shadow_map(void) {
  if (is_mapped) return;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  void *shadow = mmap((void *)SHADOW_OFFSET, SHADOW_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (shadow == MAP_FAILED) {
    static const char message[] = "sanitize: there is no room for the shadow memory\n";
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    __builtin_trap();
  }
  madvise(shadow, SHADOW_BYTES, MADV_DONTDUMP);
  is_mapped = true;
}

/* Not memset(): that checks, too. */
static void fill(uint8_t *shadow, size_t count, uint8_t value) {
  for (size_t i = 0; i < count; i++) {
    shadow[i] = value;
    __asm__ volatile("" ::: "memory");
  }
}

void shadow_forbid(uintptr_t start, size_t size, uint8_t why) {
  fill(shadow_of(start), (size + GRANULE - 1) >> SHADOW_SCALE, why);
}

void shadow_allow(uintptr_t start, size_t size) {
  fill(shadow_of(start), size >> SHADOW_SCALE, USABLE);
  if (size % GRANULE != 0) *shadow_of(start + size) = (uint8_t)(size % GRANULE);
}

static bool is_usable(uintptr_t address) {
  int8_t state = (int8_t)*shadow_of(address);
  return state == 0 || (int8_t)(address % GRANULE) < state;
}

void shadow_check(const void *start, size_t size, const char *how) {
  uintptr_t first = (uintptr_t)start;
  if (size == 0) return;
  /* What is above belongs to no process: let the kernel say so. */
  if (!is_mapped || first >> 47 != 0 || size >> 46 != 0) return;
  for (uintptr_t at = first; at < first + size; at = (at | (GRANULE - 1)) + 1) {
    uintptr_t last = at | (GRANULE - 1);
    if (last > first + size - 1) last = first + size - 1;
    if (!is_usable(last)) shadow_report(at, size, how);
  }
}

/* Every function here and in what is checked keeps its frame. */
#pragma GCC diagnostic ignored "-Wframe-address"

_Noreturn void shadow_report(uintptr_t address, size_t size, const char *how) {
  char line[400];
  char path[100];
  snprintf(path, sizeof path, "%s/shadow.%d", sanitize_reports, (int)getpid());
  int length = snprintf(line, sizeof line,
                        "sanitize: %s of %zu bytes at %#lx (shadow %02x), from %p %p %p; shadow_report is at %p\n", how,
                        size, (unsigned long)address, *shadow_of(address), __builtin_return_address(0),
                        __builtin_return_address(1), __builtin_return_address(2), (void *)(uintptr_t)shadow_report);
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file >= 0) (void)!write(file, line, (size_t)length);
  (void)!write(STDERR_FILENO, line, (size_t)length);
  __builtin_trap();
}

pid_t sanitize_after_vfork(pid_t pid) {
  uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)(GRANULE - 1);
  if (pid > 0) shadow_allow(here - BORROWED_BYTES, BORROWED_BYTES);
  return pid;
}
