/* What tells machines apart is taken out of a root file system. */
#ifndef UNPACK_SCRUB_H
#define UNPACK_SCRUB_H

/* An empty etc/machine-id, no etc/ssh/ssh_host_*_key*, no dbus machine-id. Returns how many host keys there were. */
unsigned unpack_scrub(int root);

#endif
