/* tszone-helper list: what is in a tree, entry by entry. */
#ifndef LIST_H
#define LIST_H

int list_main(int argc, char **argv);

#endif
