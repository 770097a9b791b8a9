/* Which file was packed under which name first: hard links. */
#ifndef PACK_LINKS_H
#define PACK_LINKS_H

#include <sys/stat.h>

/* The name under which the same file (AT itself, if NAME is "") was added before, or NULL, after which it is known as PATH. */
const char *pack_link_of(int at, const char *name, const struct stat *st, const char *path);

/* What comes next has no links to what came before. */
void pack_forget_links(void);

#endif
