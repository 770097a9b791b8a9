/* Mode `spawner`: one process beside a node process that does for it what node does slowly or cannot do: takes flock on
 * node's descriptors, and forks helpers (a fork of this small program takes 0.1 ms, one of node 1 to 25).
 *
 *     node                                      spawner (fd 3: a stream socket, frames both ways; see frames.h)
 *       LOCK id: descriptor, wait in ms   →       takes node's descriptor (pidfd_getfd), flocks it
 *                                         ←     LOCKED id: "ok", "busy" or an errno
 *       CANCEL id                         →       (gives up waiting; answered by "busy")
 *       LAUNCH id: mode, stdin, stdout,   →       forks a helper in mode `launch`, `enter` or `subvolume` (words instead of a
 *         stderr, plan                            plan): descriptors of node's, of the client that asked, /dev/null, or pipes
 *                                         ←     PIPES id: for 0, 1 and 2 the number of node's end here, or ""
 *       TAKEN id                          →       (it has opened them by /proc/PID/fd: they are closed here)
 *                                         ←     EVENT id: what it writes to fd 4 (report.h) · CLOSED id: and its end
 *       SEND id: bytes for its fd 4       →
 *       PROGRAM id: stdin, stdout,        →       sends the bytes with these descriptors (late.h)
 *         stderr, bytes for its fd 4
 *       CLOSE id                          →       closes its fd 4
 *                                         ←     EXITED id: its exit status
 *     and for the engine (client.h):
 *       LISTEN: path or descriptor, group →     ← LISTENING: an errno, or 0
 *                                         ←     CLIENT id: a command line · CLIENT_SIGNAL id · CLIENT_GONE id
 *       REPLY id, LAST id: a frame for it →       LAST: and then no more
 *
 * All arguments are NUL-terminated tokens. End of file on fd 3 is the end: node is gone, and so is this process. Locks are
 * node's own all along, and helpers learn it by the end of file on their fd 4. */
#ifndef TSZONE_SPAWNER_H
#define TSZONE_SPAWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "frames.h"

enum frame_kind {
  FRAME_LOCK = 1,
  FRAME_CANCEL = 2,
  FRAME_LAUNCH = 3,
  FRAME_SEND = 4,
  FRAME_CLOSE = 5,
  FRAME_LISTEN = 6,
  FRAME_REPLY = 7,
  FRAME_LAST = 8,
  FRAME_TAKEN = 9,
  FRAME_PROGRAM = 10,
  FRAME_READY = 100,
  FRAME_LOCKED = 101,
  FRAME_EVENT = 102,
  FRAME_CLOSED = 103,
  FRAME_EXITED = 104,
  FRAME_LISTENING = 105,
  FRAME_CLIENT = 106,
  FRAME_CLIENT_SIGNAL = 107,
  FRAME_CLIENT_GONE = 108,
  FRAME_PIPES = 109
};

enum spawner_source { SOURCE_NODE, SOURCE_SIGNALS, SOURCE_SESSION, SOURCE_LISTENER, SOURCE_CLIENT };

int spawner_main(int argc, char **argv);

/* --- what its parts share ------------------------------------------------------------------------------------------ */
void spawner_tell(enum frame_kind kind, uint32_t id, const char *bytes, size_t size);
/* epoll on fd; `index` comes back with the event. */
bool spawner_watch(int fd, enum spawner_source source, uint32_t index);
void spawner_watch_write(int fd, enum spawner_source source, uint32_t index, bool wanted);
/* Before it is closed: a forked child may have a copy for a moment, for which epoll would go on. */
void spawner_unwatch(int fd);
/* A copy of node's descriptor, close-on-exec; -1 with errno set. */
int spawner_take_fd(int fd);
/* For a forked child: nothing of the spawner's is left but 0 to 2 as they are. */
void spawner_leave(void);
/* The n-th token of a frame, NULL if there is none; *rest is what follows it. */
const char *frame_token(const struct frame *frame, int n, const char **rest);

/* spawner_lock.c */
void lock_begin(const struct frame *frame);
void lock_cancel(uint32_t id);
/* True if the process was one of its waiters. */
bool lock_ended(pid_t pid, int status);

/* spawner_session.c */
void session_launch(const struct frame *frame);
void session_taken(uint32_t id);
void session_send(const struct frame *frame);
void session_program(const struct frame *frame);
void session_close(uint32_t id);
void session_readable(uint32_t index);
void session_ended(pid_t pid, int status);

/* spawner_client.c */
void client_listen(const struct frame *frame);
void client_accept(void);
void client_ready(uint32_t index, bool readable, bool writable);
void client_reply(const struct frame *frame, bool last);
/* A copy of the client's 0, 1 or 2; -1 with errno set. */
int client_take_fd(uint32_t id, int which);

#endif
