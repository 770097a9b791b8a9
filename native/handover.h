/* To whoever does what the native entry does not. */
#ifndef TSZONE_HANDOVER_H
#define TSZONE_HANDOVER_H

/* Remembers the command line, and what signals do now. */
void handover_prepare(int argc, char **argv);
/* The command line as it was given, in node's hands. Nothing may have been done that must not be done twice. */
_Noreturn void hand_over(void);

#endif
