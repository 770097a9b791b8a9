/* What the command line of pack says. */
#ifndef PACK_OPTIONS_H
#define PACK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "unpack_parts.h"
#include "unpack_through.h"

struct pack_options {
  const char *root, *as, *first, *skip;
  bool here, follow, whiteouts, marks, outline, count_first, progress, no_atime;
  int64_t since, epoch;
  struct unpack_parts parts;
  struct unpack_through through;
};

/* Returns the index of the first PATH. Dies on a command line that is none. */
int pack_parse(struct pack_options *options, int argc, char **argv);

#endif
