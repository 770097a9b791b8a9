/* The archive as a stream on descriptor 0, read in large pieces. */
#ifndef UNPACK_INPUT_H
#define UNPACK_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than this many bytes in all is an error; UINT64_MAX: no limit. */
void unpack_input_limit(uint64_t max_bytes);

/* How much has been read is said on stdout now and then, and at the end, with --outline on stderr: {"bytes":N}. */
void unpack_input_show_progress(void);

/* All that is read is hashed beside. Dies if this processor has no instructions for that. */
void unpack_input_hash(void);

/* A piece of what comes next, 1 to MAX bytes, without a copy; valid until the next call. Dies at the end of file. */
size_t unpack_input_piece(const unsigned char **piece, uint64_t max);

/* Keeps what the last piece lies in as it is, until it is let go of; any thread may do that. */
struct unpack_slot;
struct unpack_slot *unpack_input_keep(void);
void unpack_input_let_go(struct unpack_slot *slot);

/* Exactly SIZE bytes, or death: the archive is truncated. */
void unpack_input_exact(void *buffer, size_t size);
void unpack_input_skip(uint64_t size);

/* Reads to the end of file, so that the writer is not cut off. */
void unpack_input_drain(void);

/* After unpack_input_drain: the SHA-256 of all, NULL if none was asked for. */
const char *unpack_input_digest(void);

#endif
