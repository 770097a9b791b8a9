/* What unpack and pack say when they end: one line of JSON. */
#ifndef UNPACK_REPORT_H
#define UNPACK_REPORT_H

#include <stddef.h>
#include <stdio.h>

/* Prints {"error":…,"entry":…,"errno":N} on stderr and exits with 1. ERR is 0 for "the archive is wrong". */
_Noreturn void unpack_die(int err, const char *what, const char *entry);

/* The entry that unpack_die names when it is given NULL. */
void unpack_set_entry(const char *path);

void unpack_json_string(FILE *out, const char *text);

/* malloc and friends that do not return NULL. */
void *unpack_alloc(void *old, size_t size);

/* All of DATA. Dies of WHAT, naming ENTRY. */
void unpack_write_all(int fd, const void *data, size_t size, const char *what, const char *entry);
char *unpack_strdup(const char *text, size_t length);

#endif
