/* Mode `lock`: node has no flock(2); the lock belongs to the open file description that node shares on fd 3. */
#ifndef TSZONE_LOCK_H
#define TSZONE_LOCK_H

enum { LOCK_FD = 3, LOCK_BUSY = 75, LOCK_FAILED = 125 };

/* argv[1]: seconds to wait, 0 = only try. Returns 0 when locked, 75 (EX_TEMPFAIL) when busy, 125 on any other failure.
 */
int lock_main(int argc, char **argv);
/* The same for any descriptor. */
int lock_wait(int fd, double seconds);

#endif
