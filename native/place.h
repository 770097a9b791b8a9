/* tszone-helper place PATH: gives the nameless file behind descriptor 3 a name, where there is none. */
#ifndef PLACE_H
#define PLACE_H

/* Exit status: 0, or the errno. */
int place_main(int argc, char **argv);

#endif
