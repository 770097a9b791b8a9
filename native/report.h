/* What the helper says to node, and the one way to die.
 *
 *     node                            helper (host side, later the monitor)     child (zone side)
 *       spawn; plan on fd 3, EOF  →     reads the plan, opens trees and cgroups
 *                                       clone3                               →    joins cgroups, waits for its id maps
 *                                       writes maps, idmaps trees  ── 'm' ──→     becomes uid 0, new net/ipc/cgroup ns
 *                                 ←     {"event":"created","pid":N,"monitorPid":N}
 *       attach (veth by pid, ports)                                              mounts its root meanwhile, pivots
 *       ("hold\n" instead: everything but the first exec is done; answered by {"event":"held"}, and from then on `go`
 *       comes by the monitor's socket)
 *       "go\n" on fd 4            →     writes the running record  ── 'n' ──→     addresses, credentials, exec
 *                                 ←     {"event":"started"}                      (exec closed the close-on-exec socket)
 *       may close fd 4 and leave        waits, logs, serves the socket
 *                                 ←     {"event":"exited",…} or {"event":"error",…}
 *
 * The child's side of the exchange is a SEQPACKET socket pair (hand.h). A failing child sends its struct failure there
 * and the host side prints it, so that each failure is said exactly once. */
#ifndef TSZONE_REPORT_H
#define TSZONE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { EVENT_FD = 4, STATUS_FAILED = 125, STATUS_NOT_EXECUTABLE = 126, STATUS_NOT_FOUND = 127 };

struct failure {
  int op;
  int error;
  int status;
  char step[32];
  char syscall[32];
  char path[512];
  char message[256];
};

/* Names what is being done: a later fail() carries it. op is the index in the plan, -1 outside of any. */
void report_step(const char *step, int op);
/* The zone side's way out: where failures go instead of fd 4. */
void report_to_socket(int socket);
/* Another way to tell the caller than by an event; NULL: nothing is said. */
void report_failures_by(void (*tell)(const struct failure *failure));
/* Called once with the failure already sent, before the host side exits with the status. */
void report_on_failure(void (*clean_up)(void));

/* Reports errno and ends the process. syscall and path may be NULL. */
_Noreturn void fail(const char *syscall, const char *path);
/* The same with a text of our own; error may be 0. */
_Noreturn void fail_with(int error, const char *syscall, const char *path, const char *message);
/* The same, for the host side, with what the child sent. */
_Noreturn void fail_as(const struct failure *failure);
/* exec's exit status for an errno. */
int exec_status(int error);

void report_created(pid_t pid);
void report_held(void);
void report_started(void);
void report_exited(int status, int signal, long oom_kills);

/* JSON text into a buffer; silently cut at its end. Returns the new length. */
size_t json_string(char *buffer, size_t size, size_t length, const char *text);

#endif
