/* What a zone that was made before it was known what it is to run gets to know last: `program BYTES` on fd 4 (control.h), then a plan
 * of so many bytes for sync.program, and with the first of them the caller's 0, 1 and 2. */
#ifndef TSZONE_LATE_H
#define TSZONE_LATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "plan.h"

enum { LATE_MAX_BYTES = 128 * 1024 };

/* read(2) of fd 4: into the program while some of it is missing (then *taken is false), else into `line`. Keeps descriptors. */
ssize_t late_read(char *line, size_t size, bool *taken);
/* So many bytes follow. A second program, or none that could be one, is never whole. */
void late_begin(long long bytes);
/* Takes what is the program's of `bytes`; returns how many. */
size_t late_take(const char *bytes, size_t length);
/* The program when it is whole, once; fail()s if it is not a plan. NULL: not yet. */
struct plan *late_program(void);
/* The caller's 0, 1 and 2 become this process's. */
void late_adopt_stdio(void);

#endif
