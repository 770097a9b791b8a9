/* The zone's log: `<ISO time> <stream> <text>` a line, rotated by size. Nothing that goes wrong here stops a zone. */
#ifndef TSZONE_LOG_H
#define TSZONE_LOG_H

#include <stddef.h>

enum log_stream { LOG_STDOUT, LOG_STDERR, LOG_CONSOLE, LOG_STREAMS };

/* files: how many in all, path and path.1 … path.(files-1). */
void log_open(const char *path, long long max_bytes, int files);
/* The path has moved in memory. */
void log_move(const char *path);
void log_feed(int stream, const char *bytes, size_t length);
/* Writes what has no end of line yet. */
void log_flush(void);

#endif
