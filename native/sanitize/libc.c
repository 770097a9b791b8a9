/* Buffers that are given to libc and the kernel, checked before the call (ld's --wrap); see shadow.h. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "shadow.h"

#define WRAP(RESULT, NAME, PARAMETERS, ARGUMENTS, CHECKS)                                                              \
  RESULT __real_##NAME PARAMETERS;                                                                                     \
  RESULT __wrap_##NAME PARAMETERS;                                                                                     \
  RESULT __wrap_##NAME PARAMETERS {                                                                                    \
    CHECKS                                                                                                             \
    return __real_##NAME ARGUMENTS;                                                                                    \
  }

#define READS(START, SIZE) shadow_check(START, SIZE, "a call's read");
#define WRITES(START, SIZE) shadow_check(START, SIZE, "a call's write");
#define READS_TEXT(TEXT) READS(TEXT, __real_strlen(TEXT) + 1)

WRAP(size_t, strlen, (const char *text), (text), READS_TEXT(text))
WRAP(void *, memcpy, (void *restrict to, const void *restrict from, size_t size), (to, from, size),
     READS(from, size) WRITES(to, size))
WRAP(void *, memmove, (void *to, const void *from, size_t size), (to, from, size), READS(from, size) WRITES(to, size))
WRAP(void *, memset, (void *to, int value, size_t size), (to, value, size), WRITES(to, size))
WRAP(int, memcmp, (const void *one, const void *other, size_t size), (one, other, size),
     READS(one, size) READS(other, size))
WRAP(char *, strcpy, (char *restrict to, const char *restrict from), (to, from),
     READS_TEXT(from) WRITES(to, __real_strlen(from) + 1))
WRAP(int, strcmp, (const char *one, const char *other), (one, other), READS_TEXT(one) READS_TEXT(other))
WRAP(char *, strchr, (const char *text, int wanted), (text, wanted), READS_TEXT(text))
WRAP(char *, strrchr, (const char *text, int wanted), (text, wanted), READS_TEXT(text))
WRAP(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), WRITES(to, size))
WRAP(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), WRITES(to, size))
WRAP(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), READS(from, size))
WRAP(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), READS(from, size))
WRAP(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags), WRITES(to, size))
WRAP(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags), READS(from, size))
WRAP(ssize_t, readlinkat, (int fd, const char *restrict path, char *restrict to, size_t size), (fd, path, to, size),
     WRITES(to, size))
WRAP(int, vsnprintf, (char *restrict to, size_t size, const char *restrict form, va_list values),
     (to, size, form, values),
     /* INT_MAX: of sprintf(), which knows no size. */
     if (to != NULL && size < INT_MAX) WRITES(to, size))

static void check_parts(const struct msghdr *message, const char *how) {
  for (size_t i = 0; i < (size_t)message->msg_iovlen; i++)
    shadow_check(message->msg_iov[i].iov_base, message->msg_iov[i].iov_len, how);
  shadow_check(message->msg_control, message->msg_controllen, how);
}

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags),
     check_parts(message, "recvmsg's write");)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags),
     check_parts(message, "sendmsg's read");)

int __wrap_snprintf(char *restrict to, size_t size, const char *restrict form, ...);
int __wrap_snprintf(char *restrict to, size_t size, const char *restrict form, ...) {
  va_list values;
  va_start(values, form);
  int length = __wrap_vsnprintf(to, size, form, values);
  va_end(values);
  return length;
}
