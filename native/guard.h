/* The zone's monitor ends an exec as a whole when this process is killed. */
#ifndef TSZONE_GUARD_H
#define TSZONE_GUARD_H

/* For the exec whose group this is. Without a monitor the zone is about to end. */
void guard_start(const char *socket, const char *group);
/* The command has ended, or was never run. */
void guard_stop(void);

#endif
