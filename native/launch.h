/* Modes `launch` and `enter`. */
#ifndef TSZONE_LAUNCH_H
#define TSZONE_LAUNCH_H

#include "plan.h"

int launch_main(int argc, char **argv);
/* The same in a process that was forked for it, with 0 to 4 in place. */
_Noreturn void launch_forked(const struct plan *given);
int enter_main(int argc, char **argv);
_Noreturn void enter_forked(const struct plan *given);

#endif
