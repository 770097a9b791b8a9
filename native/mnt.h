/* What the parts of the zone side that mount have in common. All fail(). */
#ifndef TSZONE_MNT_H
#define TSZONE_MNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A file system to be: its context, an option of it (value NULL: a flag), and the detached mount, for which it is
 * closed. */
int mnt_context(const char *type, const char *path);
void mnt_context_set(int context, const char *key, const char *value, const char *path);
int mnt_context_mount(int context, unsigned attributes, const char *path);
/* Attaches a detached mount over an O_PATH descriptor. */
void mnt_attach(int mount, int target, const char *path);
/* A detached copy; flags: TZ_AT_*. */
int mnt_clone(int dirfd, const char *path, unsigned flags);
/* A device of the host, detached: it works as ever, but its mode and owner, which are the host's, stay as they are. */
void mnt_protect_node(int node, const char *path);

/* mask.c: remembers the mount as the zone's /proc or /sys if that is what it is. */
void mask_note_kernel_fs(int mount, const char *path);
/* Closes what was remembered, but for the sysctls. */
void mask_forget_kernel_fs(void);

#endif
