/* Mode `look`: a process beside an engine that tells what is true of many zones, in one question. What node does for one zone
 * takes it some twenty system calls; this keeps open what does not change while a process lives (its pidfd, and the file
 * that says whether its group is frozen), and asks the kernel by them.
 *
 *     node                                      look (fd 3: a stream socket, frames both ways; see frames.h)
 *       ASK id: five times DIRECTORY and   →
 *         FILE, how many zones; and of
 *         each NAME, GROUP, pid, start time
 *                                         ←     ANSWER id: of each zone 26 doubles
 *
 * All arguments are NUL-terminated tokens. Of a zone the file DIRECTORY/NAME/FILE of the first is looked at, of the second to
 * fourth where the process is not alive, and of the fifth DIRECTORY/GROUP/FILE is read where it is. The doubles:
 * of four files inode (-1: there is none, -2: it cannot be told or was not looked at), size, seconds and nanoseconds of
 * mtime, the same of ctime; alive; frozen. An answer for fewer zones: the question was not understood, or memory is short. */
#ifndef TSZONE_LOOK_H
#define TSZONE_LOOK_H

enum look_frame { LOOK_ASK = 20, LOOK_ANSWER = 21 };

int look_main(int argc, char **argv);

#endif
