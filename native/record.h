/* The monitor's two records, JSON files that are written whole or not at all. */
#ifndef TSZONE_RECORD_H
#define TSZONE_RECORD_H

#include <sys/types.h>

/* fail()s: a zone whose record can't be written must not start. */
void record_running(const char *path, pid_t pid, long long started_at_ms);
/* Best effort. */
void record_exit(const char *path, int status, int signal, long oom_kills);

#endif
