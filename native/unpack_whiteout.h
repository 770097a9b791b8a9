/* What a layer takes away from those below it: `.wh.NAME` and `.wh..wh..opq` (OCI image spec, layer.md, "Whiteouts"),
 * made into what overlay understands (overlayfs.rst, "whiteouts and opaque directories", userxattr). */
#ifndef UNPACK_WHITEOUT_H
#define UNPACK_WHITEOUT_H

#include <stdbool.h>

/* True if the last component of PATH, which is clean, is a whiteout. Dies if another one is. */
bool unpack_is_whiteout(const char *path);

/* NAME is the last component of PATH, below the directory PARENT. */
void unpack_whiteout(int parent, const char *path, const char *name);

/* True if it is what unpack_whiteout makes of `.wh.NAME`. */
bool unpack_at_whiteout(int parent, const char *name);

/* Nothing of the directories of that name in layers below is seen. */
void unpack_make_opaque(int parent, const char *name);

#endif
