/* Bytes on a unix socket with descriptors beside them (unix(7), SCM_RIGHTS). */
#ifndef TSZONE_RIGHTS_H
#define TSZONE_RIGHTS_H

#include <stddef.h>
#include <sys/uio.h>

enum { RIGHTS_MAX = 3 };

/* One sendmsg(2), with its result: on a stream it may take less than all bytes. `flags` are its, too; no SIGPIPE. */
ssize_t rights_send(int socket, struct iovec parts[], size_t part_count, const int fds[], size_t fd_count, int flags);

#endif
