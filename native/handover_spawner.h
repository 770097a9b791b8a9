/* The spawner of the node that this process is about to become. */
#ifndef TSZONE_HANDOVER_SPAWNER_H
#define TSZONE_HANDOVER_SPAWNER_H

/* Starts it if the verb is one that takes locks, and lets node know by the environment: it is there before node is.
 * Without it node starts one of its own. */
void handover_spawner(const char *verb);

#endif
