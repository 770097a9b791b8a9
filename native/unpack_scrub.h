/* What tells machines apart is taken out of a root file system. */
#ifndef UNPACK_SCRUB_H
#define UNPACK_SCRUB_H

#include <stdio.h>

/* An empty etc/machine-id, no etc/ssh/ssh_host_*_key*, no dbus machine-id. PART: whose keys they were, or NULL. */
void unpack_scrub(int root, const char *part);

/* How many host keys there were, and of which kinds in which part: two members of an object of JSON. */
void unpack_scrub_report(FILE *out);

#endif
