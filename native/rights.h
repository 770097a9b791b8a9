/* Bytes on a unix socket with descriptors beside them (unix(7), SCM_RIGHTS). */
#ifndef TSZONE_RIGHTS_H
#define TSZONE_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

enum { RIGHTS_MAX = 3 };

/* One message, whole, or false with errno set. `flags` as in send(2); no SIGPIPE. */
bool rights_send(int socket, const char *bytes, size_t size, const int fds[], int count, int flags);

#endif
