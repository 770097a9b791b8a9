/* Execs that the monitor ends when their caller is killed: who enters the zone without a helper says which group is his
 * before the command can have started anything, and stays connected. */
#ifndef TSZONE_GUARDS_H
#define TSZONE_GUARDS_H

#include <stdbool.h>

#include "poller.h"

/* Takes the connection over. False if there are too many; then it is still the caller's. */
bool guards_take(int fd, const char *group);
void guards_watch(struct poller *poller);
void guards_work(const struct poller *poller);

#endif
