/* cgroup v2: the program that decides which devices may be opened in a group. */
#ifndef TSZONE_PROGRAM_H
#define TSZONE_PROGRAM_H

/* Does what cgroup.program asks for, if the plan has it; fail()s. The group alone keeps the program afterwards. */
void program_attach(void);
/* Mode `apply`: the same on its own, for a group that lives. */
int program_main(int argc, char **argv);

#endif
