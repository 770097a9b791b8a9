/* tszone-helper unpack: writes a tar archive from descriptor 0 below a directory, confined to it. */
#ifndef UNPACK_H
#define UNPACK_H

/* Exit status: 0, or 1 after one line {"error":…,"entry":…,"errno":N} on stderr; then what is written is incomplete. */
int unpack_main(int argc, char **argv);

#endif
