/* tszone-helper copy: an exact copy of a tree that may be changed by an enemy meanwhile, in passes. */
#ifndef COPY_H
#define COPY_H

int copy_main(int argc, char **argv);

#endif
