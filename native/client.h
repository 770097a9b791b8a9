/* The other side of the engine's socket: hands a command line to the warm engine.
 *
 *     client                                          engine (spawner_client.c, then src/engine)
 *       REQUEST with descriptors 0, 1, 2 (SCM_RIGHTS):
 *         version, cwd, which of 0-2 are terminals,
 *         argv, environment                     →
 *       SIGNAL: its number                      →
 *                                             ←     ACCEPT: from here on it is done, or its end is said
 *                                             ←     STDOUT, STDERR: bytes to be written there
 *                                             ←     EXIT: the exit status · DECLINE: do it yourself, nothing was done
 *
 * Frames as in frames.h, tokens NUL-terminated. The client's end is an interrupt. docs/internals/engine.md */
#ifndef TSZONE_CLIENT_H
#define TSZONE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

enum client_frame {
  CLIENT_REQUEST = 1,
  CLIENT_SIGNAL = 2,
  CLIENT_ACCEPT = 10,
  CLIENT_STDOUT = 11,
  CLIENT_STDERR = 12,
  CLIENT_EXIT = 13,
  CLIENT_DECLINE = 14
};

/* The exit status of the command, or -1 if there is no engine that does it: nothing has been done or read then, but
 * signals are blocked and SIGPIPE is ignored; its descriptors close on exec. *is_there: one has answered. */
int client_run(const char *socket_path, int argc, char **argv, bool *is_there);

#endif
