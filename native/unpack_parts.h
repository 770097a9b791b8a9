/* Several directories as the parts of one archive: all that a confined process can see. */
#ifndef UNPACK_PARTS_H
#define UNPACK_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNPACK_MAX_PARTS = 4096, UNPACK_MAX_TREES = 500 };

struct unpack_part {
  const char *name;
  /* One directory; or several, topmost first: what an overlay of them shows, read-only. */
  const char *dirs[UNPACK_MAX_TREES];
  size_t count;
  bool scrub; /* what tells machines apart goes from it */
  int root;   /* set by unpack_confine_parts: O_PATH */
};

struct unpack_parts {
  struct unpack_part *list[UNPACK_MAX_PARTS];
  size_t count;
};

/* From the command line: NAME begins a part; DIR is one more directory of the last one. */
void unpack_add_part(struct unpack_parts *parts, const char *name);
void unpack_add_dir(struct unpack_parts *parts, const char *dir);

/* As unpack_confine, for all parts at once. READ_ONLY: none can be written. Descriptors above 2 are closed. */
void unpack_confine_parts(struct unpack_parts *parts, int read_only, uint64_t caps);

#endif
