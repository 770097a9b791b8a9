/* A program between us and descriptor 0 or 1: a compressor, or the packer of what we unpack. */
#ifndef UNPACK_THROUGH_H
#define UNPACK_THROUGH_H

#include <stdbool.h>

enum { UNPACK_MAX_WORDS = 512 };

struct unpack_through {
  const char *words[UNPACK_MAX_WORDS + 1]; /* program and arguments; none: nothing in between */
  int count;
  /* It has to do with what may be an enemy's, and needs nothing but its descriptors. */
  bool nobody;
};

void unpack_through_add(struct unpack_through *through, const char *word);

/*
 * Starts it, before we are confined. OURS is 0: what it writes is our input from now on; 1: it reads what we write. Its
 * other descriptor of the two is what ours was. It dies when we die.
 */
void unpack_through_start(const struct unpack_through *through, int ours);

/* Waits for its end, after which nothing can be read or written. Dies unless its status was 0. */
void unpack_through_end(int ours);

/* This process dies when its parent does, whose pid is told. */
void unpack_die_with_parent(const char *pid);

#endif
