/* The monitor's unix socket: many clients, one line a command, see docs/internals/monitor.md. */
#ifndef TSZONE_CLIENTS_H
#define TSZONE_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "poller.h"

/* What the commands act on. */
struct clients_target {
  int pidfd; /* -1 until there is a zone */
  int pid;
  int master; /* the console's pty, -1 if there is none */
  long long started_at_ms;
  bool held; /* prepared: `go` is understood */
  bool go;   /* said by a client */
};

/* fail()s. */
void clients_listen(const char *path);
void clients_watch(struct poller *poller);
void clients_work(const struct poller *poller, struct clients_target *target);
/* Whether every console client has room: if not, the console is not read for the moment. */
bool clients_have_room(void);
/* How long poll may wait, in ms, before a client that takes nothing is dropped; -1 = for ever. */
int clients_timeout(void);
/* Console output, to all console clients. */
void clients_console(const char *bytes, size_t length);
/* The line goes to all that wait. */
void clients_notify(const char *line);
/* The answer to `go`. */
void clients_started(void);
/* Waits until all that was said has been taken, at most so long. */
void clients_settle(int patience_ms);
void clients_close(void);

#endif
