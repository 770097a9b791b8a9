/*
 * All of an archive but the content of its files, on descriptor 1: with the files, the archive can be made again byte
 * by byte (pack --outline). A sequence of records, numbers little-endian:
 *
 *   L n:u32 bytes                          n bytes of the archive
 *   Z n:u64                                n bytes 0
 *   F offset:u64 size:u64 n:u16 path       SIZE bytes of the file PATH, from OFFSET on
 *   X                                      something was replaced: the archive cannot be made again
 *   E                                      the end; without it the outline was cut off
 */
#ifndef UNPACK_OUTLINE_H
#define UNPACK_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void unpack_outline_start(void);
bool unpack_outline_is_wanted(void);

/* Without unpack_outline_start they do nothing. */
void unpack_outline_bytes(const unsigned char *bytes, size_t size);
void unpack_outline_file(const char *path, uint64_t offset, uint64_t size);
void unpack_outline_broken(void);
bool unpack_outline_is_exact(void);
void unpack_outline_end(void);

#endif
