/* The caller's terminal, while a command in a zone has one of its own. */
#ifndef TSZONE_TERMINAL_H
#define TSZONE_TERMINAL_H

/* If stdin is a terminal: every key goes through as it is, and every byte comes out as it is. */
void terminal_raw(void);
/* As it was before; nothing if it was not made raw. */
void terminal_restore(void);
/* Gives the master of a pty the size of the terminal on stdout. */
void terminal_resize(int master);

#endif
