/* The host side's preparations: trees, cgroup files, id maps, stdio, its own protection. */
#ifndef TSZONE_HOST_H
#define TSZONE_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"

/* Becomes a session of its own, opens /dev/null where 0-2 are closed, closes what it was not meant to have, and
 * re-executes itself from a read-only mount, so that nothing that runs in a zone can ever write to the helper's file.
 */
void host_begin(char **argv);
/* The last of these alone; does not return if there is something to do. */
void host_execute_read_only(char **argv);
/* For a helper that was forked and has its descriptors: the rest of it. */
void host_begin_forked(void);
/* Reads and checks fd 3. fail()s. */
void host_read_plan(struct plan *plan, bool launching);
/* Checks a plan that is there already. */
void host_load_plan(struct plan *plan, bool launching);
/* A signalfd for TERM, INT, HUP, QUIT, USR1 and USR2, with `resize` also for WINCH; PIPE is ignored. */
int host_signals(bool resize);

void host_open_cgroups(int *into);
void host_open_trees(void);
/* Writes the id maps of the new process and idmaps the trees that want it. */
void host_map(pid_t pid);
/* Locked trees: a private mount namespace with a tmpfs on the staging directory; returns the way back. */
int host_enter_private(void);
void host_attach_locked(void);
void host_leave_private(int own_namespace);
void host_close_trees(void);
/* Of a monitor. It keeps the trees as long as it lives: the last close of a detached one waits for all CPUs. */
void host_close_joins(void);

struct stdio {
  int zone[3]; /* what becomes 0-2 of the zone's process; -1: left as it is */
  int host[3]; /* our ends; -1: none */
};

/* One of 0-2 through a pipe owned by the uid and gid. */
void host_make_pipe(struct stdio *stdio, int fd, uid_t uid, gid_t gid);
/* All of them; stdin is /dev/null unless `with_stdin`. */
void host_make_pipes(struct stdio *stdio, bool with_stdin, uid_t uid, gid_t gid);
/* In the child: puts them on 0-2. */
void stdio_adopt(const struct stdio *stdio);
/* In the helper: closes the zone's ends. */
void stdio_close_zone(struct stdio *stdio);
/* 0-2 and fd 4 become /dev/null: whoever started us is gone or not interested. */
void host_detach(void);

#endif
