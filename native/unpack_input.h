/* The archive as a stream on descriptor 0, read in large pieces. */
#ifndef UNPACK_INPUT_H
#define UNPACK_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than this many bytes in all is an error; UINT64_MAX: no limit. */
void unpack_input_limit(uint64_t max_bytes);

/* How much has been read is said on stdout now and then: {"bytes":N}. */
void unpack_input_show_progress(void);

/* A piece of what comes next, 1 to MAX bytes, without a copy; valid until the next call. Dies at the end of file. */
size_t unpack_input_piece(const unsigned char **piece, uint64_t max);

/* Exactly SIZE bytes, or death: the archive is truncated. */
void unpack_input_exact(void *buffer, size_t size);
void unpack_input_skip(uint64_t size);

/* Reads to the end of file, so that the writer is not cut off. */
void unpack_input_drain(void);

#endif
