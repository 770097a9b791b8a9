/* Small questions about processes and groups of them. */
#ifndef TSZONE_PROCESS_H
#define TSZONE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Field 22 of /proc/PID/stat; 0 if there is no such process. */
unsigned long long process_start_time(pid_t pid);
/* Neither gone nor a zombie. */
bool process_is_alive(pid_t pid);
/* Milliseconds since 1970, as the clock on the wall has it. */
long long now_ms(void);
/* Milliseconds of a clock that nobody sets: how long something takes. */
long long passed_ms(void);
/* Waits for the child and gives its exit status, 128+n for signal n, which goes to *signal (else 0). */
int process_reap(pid_t pid, int *signal);
/* Writes the text to a file that exists. False with errno set. */
int write_text(const char *path, const char *text);
/* The number after `key ` at the start of a line; 0 if it is not there. */
long read_counter(const char *path, const char *key);

#endif
