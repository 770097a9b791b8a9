/* One file, link or node copied with all that it is. */
#ifndef COPY_FILE_H
#define COPY_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct copy_counts {
  uint64_t entries, made, removed, linked, bytes, shared;
};

extern struct copy_counts copy_counts;

/*
 * Makes NAME in TO from NAME in FROM, which is no directory; MADE is what it is then, SOURCE what it was made from. False: the source is
 * gone or has become something else meanwhile.
 */
bool copy_entry(int from, int to, const char *name, struct stat *source, struct stat *made);

/* Owner, mode and extended attributes, those that are too many taken away. */
void copy_directory_attributes(int from, int to, const struct stat *st);

/* Overlay's mark of a directory that hides what lies below it in other layers (Overlayfs.rst). */
bool copy_is_opaque(int fd);
void copy_make_plain(int fd);

void copy_directory_times(int fd, const struct stat *st);

#endif
