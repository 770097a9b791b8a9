/* What is in a directory, and the end of a tree of ours. */
#ifndef COPY_NAMES_H
#define COPY_NAMES_H

#include <stddef.h>

struct copy_names {
  char **list;
  size_t count;
};

/* For bsearch, too. */
int copy_by_name(const void *a, const void *b);

/* Sorted. The descriptor stays where it is. */
struct copy_names copy_read_names(int directory);
void copy_free_names(struct copy_names *names);

/* With all that is in it; only in a tree that nobody else writes to. */
void copy_remove_tree(int parent, const char *name);

#endif
