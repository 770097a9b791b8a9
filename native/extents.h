/* tszone-helper extents FILE: where a file has data, "OFFSET BYTES" a line; the rest of it is holes. */
#ifndef EXTENTS_H
#define EXTENTS_H

int extents_main(int argc, char **argv);

#endif
