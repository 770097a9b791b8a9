/* What was written goes to the disk while more is written, so that little is left to wait for at the end. */
#ifndef UNPACK_SYNC_H
#define UNPACK_SYNC_H

#include <stdint.h>

#include "unpack_parts.h"

/* ROOT or, if there are any, the parts' roots. From here on what fails to reach the disk is an error, whenever it does. */
void unpack_sync_start(const struct unpack_parts *parts, int root);
/* So many bytes in all; without unpack_sync_start nothing happens. */
void unpack_sync_tell(uint64_t bytes);
/* All is on disk. */
void unpack_sync_end(void);

#endif
