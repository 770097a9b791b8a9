/* Mode `enter`: runs a command in a zone. A worker does the setns and clones the command's process as our child, so
 * that no process of ours stays inside the zone's namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "exitlist.h"
#include "hand.h"
#include "host.h"
#include "launch.h"
#include "process.h"
#include "pump.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

static struct plan plan;
static struct stdio stdio;
static struct hand_packet packet;
static pid_t child;
static int child_fd = -1;
static int hand = -1;
static int execs;
static bool started;
static struct control_target control = {.pidfd = -1, .master = -1};
static struct pump to_zone = {.from = -1, .to = -1, .stop = true};
static struct pump from_zone[2] = {{.from = -1, .to = -1}, {.from = -1, .to = -1}};

/* The target's pidfd, once its start time is known to be the right one: the pid may have been given to another process.
 */
static int open_target(void) {
  report_step("target", -1);
  if (settings.target_pid == NULL) fail_with(EINVAL, "", "", "the plan has no target");
  pid_t pid = (pid_t)parse_number(settings.target_pid);
  int fd = tz_pidfd_open(pid);
  if (fd < 0) fail("pidfd_open", settings.target_pid);
  if (process_start_time(pid) != strtoull(settings.target_start, NULL, 10)) {
    fail_with(ESRCH, "", settings.target_pid, "the zone has ended; its pid belongs to another process");
  }
  return fd;
}

static const struct {
  uint64_t flag;
  const char *name;
} ns_files[] = {
    {CLONE_NEWUSER, "user"},
    {CLONE_NEWNS, "mnt"},
    {CLONE_NEWPID, "pid_for_children"},
    {CLONE_NEWUTS, "uts"},
    {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWNET, "net"},
    {CLONE_NEWCGROUP, "cgroup"},
    {CLONE_NEWTIME, "time_for_children"},
};

/* Without those that are ours already: entering one's own user namespace is EINVAL. */
static int needed_namespaces(void) {
  uint64_t flags = settings.ns_flags;
  for (size_t i = 0; i < sizeof ns_files / sizeof ns_files[0]; i++) {
    char path[64];
    struct stat theirs;
    struct stat ours;
    if ((flags & ns_files[i].flag) == 0) continue;
    snprintf(path, sizeof path, "/proc/%s/ns/%s", settings.target_pid, ns_files[i].name);
    if (stat(path, &theirs) != 0) fail("stat", path);
    snprintf(path, sizeof path, "/proc/self/ns/%s", ns_files[i].name);
    if (stat(path, &ours) == 0 && ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
      flags &= ~ns_files[i].flag;
  }
  return (int)flags;
}

/* The outside id of the zone's 0, from the target's own map. */
static unsigned outside_root(const char *file) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%s/%s", settings.target_pid, file);
  FILE *map = fopen(path, "re");
  unsigned inside;
  unsigned outside;
  unsigned count;
  unsigned found = 0;
  while (map != NULL && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3) {
    if (inside == 0) found = outside;
  }
  if (map != NULL) fclose(map);
  return found;
}

static void prepare_stdio(void) {
  for (int fd = 0; fd <= 2; fd++) stdio.zone[fd] = stdio.host[fd] = -1;
  if (settings.stdio == STDIO_INHERIT) return;
  if (settings.stdio == STDIO_PTY) {
    for (int fd = 0; fd <= 2; fd++) stdio.zone[fd] = open("/dev/null", O_RDWR | O_CLOEXEC);
    return;
  }
  bool relay = settings.stdio == STDIO_RELAY;
  host_make_pipes(&stdio, relay, outside_root("uid_map"), outside_root("gid_map"));
  to_zone.close_to = true;
  if (relay) pump_init(&to_zone, 0, stdio.host[0]);
  pump_init(&from_zone[0], stdio.host[1], relay ? 1 : -1);
  pump_init(&from_zone[1], stdio.host[2], relay ? 2 : -1);
}

_Noreturn static void zone_side(int socket, int target, int namespaces) {
  zone.socket = socket;
  zone.own_pipes = settings.stdio == STDIO_RELAY || settings.stdio == STDIO_LOG;
  report_step("enter", -1);
  zone_join_cgroups();
  if ((namespaces & CLONE_NEWCGROUP) != 0 && setns(target, CLONE_NEWCGROUP) != 0) fail("setns", settings.target_pid);
  zone_become_root();
  close(EVENT_FD);
  stdio_adopt(&stdio);
  zone.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (zone.root < 0) fail("open", "/");
  if (settings.stdio == STDIO_PTY) console_borrow();
  zone_walk(&plan);
}

_Noreturn static void worker(int target, int namespaces, int into, int socket) {
  report_to_socket(socket);
  report_step("enter", -1);
  prctl(PR_SET_DUMPABLE, 0);
  /* A pid namespace is entered by children only: hence the clone. */
  /* The cgroup namespace comes last: a v2 mount with nsdelegate lets nobody move in from outside of what he sees. */
  int first = namespaces & ~CLONE_NEWCGROUP;
  if (first != 0 && setns(target, first) != 0) fail("setns", settings.target_pid);
  struct tz_clone_args args = {.flags = TZ_CLONE_PARENT};
  if (into >= 0) {
    args.flags |= TZ_CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)into;
  }
  pid_t pid = tz_clone3(&args);
  if (pid < 0) fail("clone3", "");
  if (pid == 0) zone_side(socket, target, namespaces);
  hand_send_pid(socket, pid);
  _exit(0);
}

static void kill_everything(void) {
  if (child_fd >= 0) tz_pidfd_send_signal(child_fd, SIGKILL);
  if (settings.killgroup != NULL) group_kill(settings.killgroup);
}

/* fail()'s hook. */
static void undo(void) {
  kill_everything();
  int number;
  if (child > 0) process_reap(child, &number);
  exitlist_run(&plan, true);
}

static void take_master(int master) {
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  control.master = master;
  pump_init(&to_zone, 0, master);
  pump_init(&from_zone[0], master, 1);
}

static void hand_ended(void) {
  close(hand);
  hand = -1;
  if (execs == 1) {
    started = true;
    report_started();
    return;
  }
  report_step("enter", -1);
  fail_with(0, "", "", "the process ended before it could exec; the zone may have ended");
}

static void read_hand(void) {
  while (hand >= 0) {
    switch (hand_receive(hand, &packet, false)) {
    case HAND_NOTHING:
      return;
    case HAND_EXEC:
      execs++;
      break;
    case HAND_MASTER:
      take_master(packet.fd);
      break;
    case HAND_FAILURE:
      fail_as(&packet.failure);
    case HAND_END:
      hand_ended();
      break;
    case HAND_MAPS:
    case HAND_GO:
    case HAND_CREATED:
    case HAND_READY:
    case HAND_CHILD:
    default:
      break;
    }
  }
}

_Noreturn static void finish(long oom_before) {
  int number;
  int status = process_reap(child, &number);
  /* What is in the pipes, and no more: a process left behind may hold them open for ever. */
  for (int i = 0; i < 2; i++) pump_drain(&from_zone[i], true);
  exitlist_run(&plan, false);
  report_exited(status, number, read_counter(settings.oom, "oom_kill") - oom_before);
  _exit(status);
}

/* The caller is gone or gave up: nothing of this exec is left. */
_Noreturn static void abandon(void) {
  host_detach();
  undo();
  _exit(STATUS_FAILED);
}

static void turn(int signals, long oom_before) {
  struct poller poller = {.count = 0};
  int at_end = poller_add(&poller, child_fd, POLLIN);
  int at_hand = poller_add(&poller, hand, POLLIN);
  int at_control = poller_add(&poller, EVENT_FD, POLLIN);
  int at_signals = poller_add(&poller, signals, POLLIN);
  pump_watch(&to_zone, &poller);
  pump_watch(&from_zone[0], &poller);
  pump_watch(&from_zone[1], &poller);
  poller_wait(&poller, -1);

  struct control_words words = {false, false};
  if (poller_got(&poller, at_hand) != 0 || poller_got(&poller, at_end) != 0) read_hand();
  if (poller_got(&poller, at_control) != 0 && !control_read(&control, &words)) abandon();
  pump_work(&to_zone, &poller);
  pump_work(&from_zone[0], &poller);
  pump_work(&from_zone[1], &poller);
  if (poller_got(&poller, at_signals) != 0) control_forward_signals(signals, child_fd);
  if (poller_got(&poller, at_end) != 0 && started) finish(oom_before);
}

/* The worker's word on the pid of the process that it made for us. */
static void receive_child(pid_t made) {
  enum hand_message message;
  report_step("enter", -1);
  while ((message = hand_receive(hand, &packet, true)) != HAND_CHILD) {
    if (message == HAND_FAILURE) fail_as(&packet.failure);
    if (message == HAND_MASTER) take_master(packet.fd);
    if (message == HAND_EXEC) execs++;
    if (message == HAND_END) fail_with(0, "", "", "the worker ended early");
  }
  child = packet.pid;
  int number;
  process_reap(made, &number);
  child_fd = control.pidfd = tz_pidfd_open(child);
  if (child_fd < 0) fail("pidfd_open", "");
}

int enter_main(int argc, char **argv) {
  (void)argc;
  host_begin(argv - 1);
  host_read_plan(&plan, false);
  int signals = host_signals();
  int target = open_target();
  int namespaces = needed_namespaces();
  int into;
  int sockets[2];
  report_on_failure(undo);
  host_open_cgroups(&into);
  host_open_trees();
  prepare_stdio();
  long oom_before = read_counter(settings.oom, "oom_kill");
  report_step("enter", -1);
  if (!hand_pair(sockets)) fail("socketpair", "");
  hand = sockets[0];
  pid_t made = fork();
  if (made < 0) fail("fork", "");
  if (made == 0) {
    close(sockets[0]);
    worker(target, namespaces, into, sockets[1]);
  }
  close(sockets[1]);
  receive_child(made);
  stdio_close_zone(&stdio);
  host_close_trees();
  for (;;) turn(signals, oom_before);
}
