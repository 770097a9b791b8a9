/* tszone-helper merge: several frozen layers as one. */
#ifndef MERGE_H
#define MERGE_H

int merge_main(int argc, char **argv);

#endif
