/* Writes PAX archives: a ustar header, with an extended one before it for what does not fit. */
#ifndef PACK_HEADER_H
#define PACK_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct pack_xattr {
  char *name;
  char *value;
  size_t size;
};

struct pack_entry {
  const char *path;
  const char *link; /* of a symbolic or a hard link, else "" */
  char type;        /* the header's: '0' file, '1' hard link, … */
  const struct stat *st;
  const struct pack_xattr *xattrs;
  size_t xattr_count;
  uint64_t size;    /* of the data that follow */
  bool sparse;      /* they begin with a map */
  bool socket;      /* type is '0': tar has none for it, star's SCHILY.filetype says it (star(5)) */
  bool access_time; /* is kept, too */
};

void pack_write_header(const struct pack_entry *entry);

/* Collected into large writes. */
void pack_write(const void *data, size_t size);
/* Room for a read straight into the output: at least one block. */
char *pack_room(size_t *size);
void pack_filled(size_t size);
void pack_zeros(uint64_t size);
void pack_flush(void);

/* What has been written is said on stderr now and then: {"bytes":N}. */
void pack_show_progress(void);

#endif
