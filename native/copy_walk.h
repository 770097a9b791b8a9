/* Makes one tree like another, entry by entry: what is known to be the same is left alone. */
#ifndef COPY_WALK_H
#define COPY_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "copy_past.h"
#include "copy_seen.h"

struct copy_trees {
  /* Directories, open for reading; base is an earlier copy, or -1. */
  int from, to, base;
  struct copy_table *seen;
  const struct copy_table *base_seen;
  /* What the source was at an earlier copy, on top of which this one lies: what is still so is left out, what is gone is hidden. Or NULL. */
  struct past *past;
  /* Gets what the source is now. Or NULL. */
  struct past *now;
  /* What was changed then or later may be changed again without a trace. */
  int64_t before_ns;
  /* The source stands still: what is not there any more is an error. */
  bool is_still;
};

void copy_walk(const struct copy_trees *trees);

#endif
