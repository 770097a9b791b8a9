/* Mode `launch`: makes a zone and stays as its monitor. The order is the protocol's, see report.h. */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clients.h"
#include "compat.h"
#include "exitlist.h"
#include "hand.h"
#include "host.h"
#include "log.h"
#include "monitor.h"
#include "process.h"
#include "program.h"
#include "report.h"
#include "settings.h"
#include "share.h"
#include "zone.h"

static struct plan plan;
static int lock = -1;
enum { LOCK_TRIES = 3000, LOCK_PAUSE_US = 1000 };

/* fail()'s hook before there is a child, but after the lock: before that, what the list names may be another helper's.
 */
static void undo(void) {
  exitlist_run(&plan, true);
}

/*
 * Killed before this process held the lock, its caller left nothing that says that a start is under way: the next command may have taken back what the
 * list names, and made it anew. So nothing is undone.
 */
static void end_with_caller(void) {
  struct pollfd caller = {.fd = EVENT_FD};
  if (poll(&caller, 1, 0) > 0 && (caller.revents & POLLHUP) != 0) _exit(STATUS_FAILED);
}

/* Whoever looks whether it is held (logs -f) holds it for a moment; a monitor as long as it lives. */
static bool lock_alone(int fd) {
  for (int tries = LOCK_TRIES; flock(fd, LOCK_EX | LOCK_NB) != 0;) {
    if (errno != EWOULDBLOCK || --tries == 0) return false;
    usleep(LOCK_PAUSE_US);
  }
  return true;
}

static void take_lock(void) {
  report_step("monitor.lock", -1);
  /* Here, too, so that a late one is in nobody's way. */
  end_with_caller();
  if (settings.lock != NULL) {
    lock = open(settings.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) fail("open", settings.lock);
    /* Never closed: it is free when the helper has ended, or has nothing left of the zone but output for its caller. */
    if (!lock_alone(lock)) fail("flock", settings.lock);
    end_with_caller();
  }
  report_on_failure(undo);
}

static void leave_groups(void) {
  report_step("monitor.leave", -1);
  for (int i = 0; i < settings.leave_count; i++) {
    if (write_text(settings.leave[i], "0") != 0) fail("write", settings.leave[i]);
  }
}

/* The outside id of the zone's 0. */
static unsigned outside_root(const struct map *maps, int count) {
  for (int i = 0; i < count; i++) {
    if (strcmp(maps[i].inside, "0") == 0) return (unsigned)parse_number(maps[i].outside);
  }
  return 0;
}

static void prepare_stdio(struct stdio *stdio) {
  for (int fd = 0; fd <= 2; fd++) stdio->zone[fd] = stdio->host[fd] = -1;
  if (settings.stdio == STDIO_PTY) {
    /* Until console.make; what can be said before goes nowhere. */
    for (int fd = 0; fd <= 2; fd++) stdio->zone[fd] = open("/dev/null", O_RDWR | O_CLOEXEC);
  } else {
    host_make_pipes(stdio, settings.stdio == STDIO_RELAY, outside_root(settings.uid_maps, settings.uid_map_count),
                    outside_root(settings.gid_maps, settings.gid_map_count));
  }
}

/* What the zone does not wait for: it is mounting meanwhile. */
static void become_monitor(void) {
  leave_groups();
  /* After the clone: the zone keeps the default. Without CAP_SYS_RESOURCE lowering it is refused. */
  if (settings.oomscore != NULL) write_text("/proc/self/oom_score_adj", settings.oomscore);
  report_step("start", -1);
  if (settings.log != NULL) log_open(settings.log, settings.log_max_bytes, settings.log_files);
  if (settings.socket != NULL) clients_listen(settings.socket);
}

static pid_t clone_zone(int into, int *pidfd) {
  report_step("ns.flags", -1);
  struct tz_clone_args args = {
      .flags = settings.ns_flags | TZ_CLONE_PIDFD,
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
  };
  /* The child makes its own from the private one, when it is uid 0 of the zone: see sync.maps. */
  if (settings.any_locked) args.flags &= ~(uint64_t)CLONE_NEWNS;
  if (into >= 0) {
    args.flags |= TZ_CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)into;
  }
  pid_t pid = tz_clone3(&args);
  if (pid < 0) fail("clone3", "");
  return pid;
}

_Noreturn static void zone_side(int socket, const struct stdio *stdio) {
  zone.socket = socket;
  zone.own_pipes = settings.stdio == STDIO_PTY ? 0 : 7;
  report_to_socket(socket);
  report_step("zone", -1);
  zone_tie();
  prctl(PR_SET_DUMPABLE, 0);
  close(EVENT_FD);
  stdio_adopt(stdio);
  /* Now: its parent is closed to the zone's uid 0. */
  if (settings.staging != NULL && chdir(settings.staging) != 0) fail("chdir", settings.staging);
  zone_walk(&plan);
}

static void finish_maps(pid_t pid, int own_namespace, int socket) {
  host_map(pid);
  if (own_namespace >= 0) {
    host_attach_locked();
    host_leave_private(own_namespace);
  }
  report_step("sync.maps", -1);
  if (!hand_send(socket, HAND_MAPS) && errno != EPIPE) fail("send", "");
}

static struct launch current;

static void undo_clone(void) {
  tz_pidfd_send_signal(current.pidfd, SIGKILL);
  int number;
  process_reap(current.pid, &number);
  undo();
}

_Noreturn static void launch(void) {
  take_lock();
  if (settings.share != NULL) share_take(settings.share);
  /* With sync.program the change to a profile comes late; who has a share of one will have it. */
  if (settings.has_apparmor || (settings.has_program && settings.share != NULL)) apparmor_begin();
  int signals = host_signals(false);
  struct stdio stdio;
  int into;
  int sockets[2];
  host_open_cgroups(&into);
  host_open_trees();
  prepare_stdio(&stdio);
  report_step("start", -1);
  if (!hand_pair(sockets)) fail("socketpair", "");
  int own_namespace = settings.any_locked ? host_enter_private() : -1;

  int pidfd = -1;
  pid_t pid = clone_zone(into, &pidfd);
  if (pid == 0) {
    close(sockets[0]);
    zone_side(sockets[1], &stdio);
  }
  current = (struct launch){&plan, &stdio, pid, pidfd, sockets[0], signals, lock};
  report_on_failure(undo_clone);
  close(sockets[1]);
  if (into >= 0) close(into);
  if (zone.host_proc >= 0) close(zone.host_proc);
  stdio_close_zone(&stdio);
  finish_maps(pid, own_namespace, sockets[0]);
  /* While the child, in which nothing of the zone runs yet, mounts its root. */
  program_attach();
  become_monitor();
  monitor_run(&current);
}

int launch_main(int argc, char **argv) {
  (void)argc;
  host_begin(argv - 1);
  host_read_plan(&plan, true);
  launch();
}

void launch_forked(const struct plan *given) {
  plan = *given;
  host_begin_forked();
  host_load_plan(&plan, true);
  launch();
}
