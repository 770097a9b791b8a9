/* Sends netlink bytes that TypeScript encoded and reads the acks. */
#ifndef TSZONE_NETLINK_H
#define TSZONE_NETLINK_H

#include <stddef.h>
#include <sys/types.h>

#include "plan.h"

/* Sends the request (hex) and waits for as many acks as its messages ask for. 0, or a positive errno with *call naming
 * the system call and text holding the kernel's extended ack, if any. */
int netlink_request(const char *protocol, const char *hex, const char **call, char *text, size_t size);

/* The host.nl ops, with the pid of the zone's child. fail()s. */
void netlink_host_ops(const struct plan *plan, pid_t pid);

#endif
