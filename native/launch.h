/* Modes `launch` and `enter`. */
#ifndef TSZONE_LAUNCH_H
#define TSZONE_LAUNCH_H

int launch_main(int argc, char **argv);
int enter_main(int argc, char **argv);

#endif
