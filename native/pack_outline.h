/* The archive that a directory was unpacked from, made again from the outline on descriptor 0 (unpack_outline.h). */
#ifndef PACK_OUTLINE_H
#define PACK_OUTLINE_H

void pack_outline(int root);

#endif
