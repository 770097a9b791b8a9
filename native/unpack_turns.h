/* Which part of an archive is written now: each has its turn once. */
#ifndef UNPACK_TURNS_H
#define UNPACK_TURNS_H

#include <stdbool.h>

#include "unpack_parts.h"
#include "unpack_write.h"

/* Without parts there is one turn, with ROOT; SCRUB is its own then, else each part says it. */
void unpack_turns_begin(const struct unpack_parts *parts, const struct unpack_options *options, int root, bool scrub);

/* PATH and, of a hard link, LINK become names of the part that they lie in: the one whose turn it is, or a later one. */
void unpack_turns_enter(char *path, char *link, bool has_link);

/* What tells machines apart goes from the last one, too; all of the directories have their times then. */
void unpack_turns_end(void);

#endif
