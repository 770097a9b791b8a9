/* How many groups a zone makes below its own, where the kernel has no bound (cgroup v1): they are counted, for as long
 * as it runs. */
#ifndef TSZONE_BOUND_H
#define TSZONE_BOUND_H

#include <stdbool.h>

/* When to look again, in ms; -1: there is nothing to look at. */
int bound_timeout(void);
/* Whether it has more than it may; looks when it is time to. */
bool bound_is_passed(void);

#endif
