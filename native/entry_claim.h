/* A spare zone, at once: what of it has to be on disk is done by `tszone spare fill`, which the zone's monitor starts. */
#ifndef TSZONE_ENTRY_CLAIM_H
#define TSZONE_ENTRY_CLAIM_H

/* The name of a zone that runs now and is nobody else's. NULL: none is ready, which is for node to explain or to make good. */
const char *claim_zone(const char *image);

#endif
