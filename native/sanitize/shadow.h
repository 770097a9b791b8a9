/* A small run-time of the address sanitizer for static programs, which gcc's own cannot be linked into: so it checks
 * what is executed in a zone, where there is no libc, and what is linked as it is installed. The compiler's part is
 * that of -fsanitize=kernel-address; for each 8 bytes of memory there is one of shadow: 0 all may be used, 1 to 7 so
 * many of the first, else none. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SHADOW_SCALE = 3, GRANULE = 1 << SHADOW_SCALE };

/* In the order of what is likely; FREED and the like only say why in a report. */
enum { USABLE = 0, HEAP_EDGE = 0xfa, HEAP_FREED = 0xfd, GLOBAL_EDGE = 0xf9, ALLOCA_EDGE = 0xca, OUT_OF_SCOPE = 0xf8 };

/* Maps the shadow at the first call. */
void shadow_map(void);
/* `start` lies at a granule; `size` is rounded up to one. */
void shadow_forbid(uintptr_t start, size_t size, uint8_t why);
/* Its last granule may be used in part. */
void shadow_allow(uintptr_t start, size_t size);
/* Ends the process if a byte of it may not be used. */
void shadow_check(const void *start, size_t size, const char *how);
/* A report below SANITIZE_REPORTS and on stderr, then SIGILL: the kernel's log has it even if neither can be reached.
 */
_Noreturn void shadow_report(uintptr_t address, size_t size, const char *how);
