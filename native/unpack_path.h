/* Names of entries made clean, and the directories they lie in. */
#ifndef UNPACK_PATH_H
#define UNPACK_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { UNPACK_PATH_MAX = 4096 };

/*
 * Relative, without empty components and ".", the first STRIP components taken off. "" is the root itself.
 * Dies on ".." and on what is longer than the kernel takes. False if nothing is left after stripping.
 */
bool unpack_clean_path(char clean[UNPACK_PATH_MAX], const char *path, unsigned strip);

void unpack_path_init(int root);

/* The directory that holds PATH, made if MAKE says so, and the last component. Kept open until the next call. -1 and
 * errno. */
int unpack_parent(const char *path, const char **name, bool make);

/* To be called when something was removed or replaced: the directory kept open may not be that path any more. */
void unpack_path_forget(void);

#endif
