/* The host side of an exec, see attend.h. */
#include "attend.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "control.h"
#include "exitlist.h"
#include "group.h"
#include "hand.h"
#include "host.h"
#include "process.h"
#include "pump.h"
#include "report.h"
#include "settings.h"
#include "terminal.h"
#include "worker.h"

static const struct plan *plan;
static const struct caller *caller;
static struct stdio stdio;
static struct hand_packet packet;
static const char *group;
static pid_t child;
static pid_t worker_pid;
static int child_fd = -1;
static int hand = -1;
static int execs;
static bool started;
static long oom_before;
static struct control_target control = {.pidfd = -1, .master = -1};
static struct pump to_zone = {.from = -1, .to = -1, .stop = true};
static struct pump from_zone[2] = {{.from = -1, .to = -1}, {.from = -1, .to = -1}};

const char *attend_group(void) {
  return group;
}

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

static void make_group(void) {
  static char joined[PATH_MAX];
  if (settings.group == NULL) return;
  group = group_make(settings.group, settings.group_fill, settings.group_fill_count);
  if (strcmp(settings.group_kind, "into") == 0) {
    settings.cgroup_into = group;
    return;
  }
  if (snprintf(joined, sizeof joined, "%s/%s", group, settings.group_kind) >= PATH_MAX ||
      settings.join_count == MAX_JOINS)
    fail_with(E2BIG, "", group, "there are too many groups to join");
  settings.joins[settings.join_count++] = joined;
}

/* The outside id of the zone's 0, from the target's own map. */
static unsigned outside_root(const char *file) {
  /* It is ours, too: of one's own user namespace the map shows the ids outside of both (user_namespaces(7)). */
  if ((settings.ns_flags & CLONE_NEWUSER) == 0) return 0;
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

/* What is a terminal here goes through a pipe, as whoever holds a terminal can type into it; the rest goes in as it is.
 */
static void prepare_attach(void) {
  for (int fd = 0; fd <= 2; fd++) {
    struct stat info;
    /* Nor a directory: from there every file of the host that others may read is one ".." away. */
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
      fail_with(EISDIR, "", "", "a directory of the host cannot be the input or output of a command in a zone");
    }
    if (isatty(fd) == 1) host_make_pipe(&stdio, fd, outside_root("uid_map"), outside_root("gid_map"));
  }
}

static void prepare_stdio(void) {
  report_step("stdio.mode", -1);
  for (int fd = 0; fd <= 2; fd++) stdio.zone[fd] = stdio.host[fd] = -1;
  if (settings.stdio == STDIO_PTY) {
    for (int fd = 0; fd <= 2; fd++) stdio.zone[fd] = open("/dev/null", O_RDWR | O_CLOEXEC);
    return;
  }
  if (settings.stdio == STDIO_ATTACH) {
    prepare_attach();
  } else {
    host_make_pipes(&stdio, settings.stdio == STDIO_RELAY, outside_root("uid_map"), outside_root("gid_map"));
  }
  bool relay = settings.stdio != STDIO_LOG;
  to_zone.close_to = true;
  if (relay && stdio.host[0] >= 0) pump_init(&to_zone, 0, stdio.host[0]);
  for (int i = 0; i < 2; i++) {
    if (stdio.host[i + 1] >= 0) pump_init(&from_zone[i], stdio.host[i + 1], relay ? i + 1 : -1);
  }
}

/* By now it has ended, or is about to: nobody has to wait for it. */
static void reap_worker(void) {
  int number;
  if (worker_pid > 0) process_reap(worker_pid, &number);
  worker_pid = 0;
}

/* fail()'s hook: nothing was run. */
static void undo(void) {
  if (child_fd >= 0) tz_pidfd_send_signal(child_fd, SIGKILL);
  if (group != NULL) group_kill(group);
  int number;
  if (child > 0) process_reap(child, &number);
  reap_worker();
  if (group != NULL) group_remove_tree(group, true);
  exitlist_run(plan, true);
  terminal_restore();
  if (!started) caller->failed();
}

static void take_master(int master) {
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  control.master = master;
  /* The caller's terminal may have changed since its size was written into the plan. */
  if (caller->control < 0) terminal_resize(master);
  pump_init(&to_zone, 0, master);
  pump_init(&from_zone[0], master, 1);
}

_Noreturn static void finish(int status, int number) {
  caller->ending();
  reap_worker();
  /* What is in the pipes, and no more: a process left behind may hold them open for ever. */
  for (int i = 0; i < 2; i++) pump_drain(&from_zone[i], true);
  terminal_restore();
  /* What the command left behind keeps the group; it goes with the zone. */
  if (group != NULL) group_remove_empty(group);
  exitlist_run(plan, false);
  long kills = settings.oom == NULL ? 0 : read_counter(settings.oom, "oom_kill") - oom_before;
  caller->ended(status, number, kills);
  _exit(status);
}

static bool is_forwarded(int number) {
  return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT || number == SIGUSR1 ||
         number == SIGUSR2;
}

static void hand_ended(void) {
  close(hand);
  hand = -1;
  if (execs == 1) {
    started = true;
    if (settings.stdio == STDIO_PTY) terminal_raw();
    caller->started();
    return;
  }
  int number;
  int status = process_reap(child, &number);
  child = 0;
  /* One of ours came before the exec did: it has done its work. */
  if (is_forwarded(number) || control_has_sent(number)) finish(status, number);
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
    case HAND_LINKS:
    case HAND_GO:
    case HAND_CREATED:
    case HAND_READY:
    case HAND_CHILD:
    default:
      break;
    }
  }
}

/* The caller is gone or gave up: nothing of this exec is left. */
_Noreturn static void abandon(void) {
  terminal_restore();
  host_detach();
  undo();
  _exit(STATUS_FAILED);
}

static void forward_signals(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
    if (info.ssi_signo == SIGWINCH) {
      terminal_resize(control.master);
    } else {
      tz_pidfd_send_signal(child_fd, (int)info.ssi_signo);
    }
  }
}

static bool has_pumps(void) {
  return settings.stdio == STDIO_PTY || to_zone.from >= 0 || from_zone[0].from >= 0 || from_zone[1].from >= 0;
}

static void turn(int signals) {
  struct poller poller;
  poller.count = 0;
  int at_end = poller_add(&poller, child_fd, POLLIN);
  /* Who waits for the start alone: its end tells, too. */
  int at_hand = poller_add(&poller, caller->control >= 0 || has_pumps() ? hand : -1, POLLIN);
  int at_control = poller_add(&poller, caller->control, POLLIN);
  int at_signals = poller_add(&poller, signals, POLLIN);
  /* What is typed belongs to the command, if there is one. */
  if (started) pump_watch(&to_zone, &poller);
  pump_watch(&from_zone[0], &poller);
  pump_watch(&from_zone[1], &poller);
  poller_wait(&poller, -1);

  struct control_words words = {false, false};
  if (poller_got(&poller, at_hand) != 0 || poller_got(&poller, at_end) != 0) read_hand();
  if (poller_got(&poller, at_control) != 0 && !control_read(&control, &words)) abandon();
  if (started) pump_work(&to_zone, &poller);
  pump_work(&from_zone[0], &poller);
  pump_work(&from_zone[1], &poller);
  if (poller_got(&poller, at_signals) != 0) forward_signals(signals);
  if (poller_got(&poller, at_end) == 0 || !started) return;
  int number;
  int status = process_reap(child, &number);
  child = 0;
  finish(status, number);
}

/* The worker's word on the pid of the process that it made for us. */
static void receive_child(void) {
  enum hand_message message;
  report_step("enter", -1);
  while ((message = hand_receive(hand, &packet, true)) != HAND_CHILD) {
    if (message == HAND_FAILURE) fail_as(&packet.failure);
    if (message == HAND_MASTER) take_master(packet.fd);
    if (message == HAND_EXEC) execs++;
    if (message == HAND_END) fail_with(0, "", "", "the worker ended early");
  }
  child = packet.pid;
  child_fd = control.pidfd = tz_pidfd_open(child);
  if (child_fd < 0) fail("pidfd_open", "");
}

_Noreturn void attend(const struct plan *the_plan, const struct caller *the_caller) {
  plan = the_plan;
  caller = the_caller;
  int signals = host_signals(settings.stdio == STDIO_PTY);
  struct worker worker = {.plan = plan, .stdio = &stdio, .control = caller->control, .target = open_target()};
  report_on_failure(undo);
  make_group();
  host_open_cgroups(&worker.into);
  host_open_trees();
  prepare_stdio();
  oom_before = read_counter(settings.oom, "oom_kill");
  report_step("enter", -1);
  int sockets[2];
  if (!hand_pair(sockets)) fail("socketpair", "");
  hand = sockets[0];
  worker.socket = sockets[1];
  caller->begins();
  worker_pid = worker_run(&worker);
  close(sockets[1]);
  receive_child();
  stdio_close_zone(&stdio);
  host_close_trees();
  for (;;) turn(signals);
}
