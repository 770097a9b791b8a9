/* A process that can touch nothing but one directory, and lookups that stay below it. */
#ifndef UNPACK_CONFINE_H
#define UNPACK_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UNPACK_CAP(n) (UINT64_C(1) << (n))
enum {
  UNPACK_CAP_CHOWN = 0,
  UNPACK_CAP_DAC_OVERRIDE = 1,
  UNPACK_CAP_DAC_READ_SEARCH = 2,
  UNPACK_CAP_FOWNER = 3,
  UNPACK_CAP_FSETID = 4,
  UNPACK_CAP_MKNOD = 27,
  UNPACK_CAP_SETFCAP = 31,
};

/*
 * Makes DIR the process's root in mount, network and IPC namespaces of its own, keeps only CAPS, and sets
 * no_new_privs. With HERE the caller is confined already (the payload of a zone): only no_new_privs.
 * Returns an O_PATH descriptor of the root. Descriptors above 2 are closed.
 */
int unpack_confine(const char *dir, bool here, uint64_t caps);

/* Its steps, for unpack_parts.c. DIR is for messages; TREE is the new root, mounted at DIR, and closed. */
void unpack_new_namespaces(const char *dir);
void unpack_pivot(int tree, const char *dir);
void unpack_drop(uint64_t caps);
/* The same, without HERE, but the descriptors 0 to LAST stay open. */
int unpack_confine_keeping(const char *dir, int last, uint64_t caps);

/* As many descriptors as may be had. */
void unpack_raise_file_limit(void);

/* openat2 with RESOLVE_IN_ROOT: symbolic links and ".." end at the root. -1 and errno on failure. */
int unpack_open_in_root(int root, const char *path, int flags, mode_t mode);

#endif
