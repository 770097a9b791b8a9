/* Connects to a unix stream socket at a path of any length. */
#ifndef TSZONE_DIAL_H
#define TSZONE_DIAL_H

/* The descriptor, close-on-exec; -1 with errno set. */
int dial(const char *path);

#endif
