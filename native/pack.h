/* tszone-helper pack: a PAX archive of what lies below a directory, on descriptor 1. */
#ifndef PACK_H
#define PACK_H

/* Exit status: 0, or 1 after one line {"error":…,"entry":…,"errno":N} on stderr. */
int pack_main(int argc, char **argv);

#endif
