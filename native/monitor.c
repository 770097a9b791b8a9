/* The host side's loop, see monitor.h. Everything is in one loop, so that a console client that came before `go` misses
 * nothing. */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bound.h"
#include "clients.h"
#include "compat.h"
#include "control.h"
#include "exitlist.h"
#include "guards.h"
#include "hand.h"
#include "late.h"
#include "log.h"
#include "netlink.h"
#include "process.h"
#include "pump.h"
#include "record.h"
#include "report.h"
#include "rest.h"
#include "settings.h"

/* What a console client has to take the zone's last output. */
enum { LAST_WORDS_MS = 1000 };

enum phase {
  PHASE_PREPARING, /* before `go` */
  PHASE_STARTING,  /* after it, before exec is known to have worked */
  PHASE_RUNNING
};

static struct launch *launch;
static enum phase phase;
static bool attached = true; /* fd 4 is open */
static bool created;
static bool went;            /* it was held, and has been let go */
static bool held;            /* prepared: waits for a client's `go`, whoever has prepared it */
static bool ready;           /* the child waits for the go */
static bool go_wanted;       /* said before the namespaces were there */
static bool hold_wanted;     /* said before the child was ready */
static struct plan *program; /* what the zone is to run, if that comes late */
static bool has_too_many_groups;
static int execs;
static struct clients_target target = {.pidfd = -1, .master = -1};
static int console_peer = -1;
static struct pump to_zone = {.from = -1, .to = -1, .close_to = true, .stop = true};
static struct pump from_zone[2] = {
    {.from = -1, .to = -1, .observe = log_feed, .stream = LOG_STDOUT},
    {.from = -1, .to = -1, .observe = log_feed, .stream = LOG_STDERR},
};
static struct hand_packet packet;

static void start_pumps(void) {
  bool relay = settings.stdio == STDIO_RELAY;
  struct stdio *stdio = launch->stdio;
  if (relay) pump_init(&to_zone, 0, stdio->host[0]);
  pump_init(&from_zone[0], stdio->host[1], relay ? 1 : -1);
  pump_init(&from_zone[1], stdio->host[2], relay ? 2 : -1);
}

static void take_master(int master) {
  struct winsize size = {.ws_row = settings.rows, .ws_col = settings.columns};
  if (size.ws_row != 0) ioctl(master, TIOCSWINSZ, &size);
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  target.master = master;
  /* Held open by us too: a master whose last slave is closed would hang up, and poll would spin. */
  console_peer = ioctl(master, TZ_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void has_started(void) {
  phase = PHASE_RUNNING;
  close(launch->socket);
  launch->socket = -1;
  /* First of all: who has let a prepared zone go waits for this. */
  report_started();
  clients_started();
  if (went) exitlist_spawn_all(launch->plan, OP_MONITOR_WENT);
  host_close_joins();
  if (plan_shrink(launch->plan, settings_outlive_start)) {
    settings_reload(launch->plan);
    if (settings.log != NULL) log_move(settings.log);
  }
}

/* The child's end is closed: either every exec has worked, or it died. */
static void hand_ended(void) {
  if (phase == PHASE_STARTING && execs == (settings.has_init_fork ? 2 : 1)) {
    has_started();
    return;
  }
  report_step("zone", -1);
  int number;
  int status = process_reap(launch->pid, &number);
  char message[96];
  snprintf(message, sizeof message, "the zone's first process ended with status %d before it could exec", status);
  fail_with(0, "", "", message);
}

static void read_hand(void);

static void let_child_go(void) {
  phase = PHASE_STARTING;
  report_step("zone", -1);
  /* A child that is gone has left word of why. */
  bool sent = program == NULL ? hand_send(launch->socket, HAND_GO) : hand_send_program(launch->socket, program);
  if (sent) return;
  int error = errno;
  read_hand();
  fail_with(error, "send", "", "the zone's first process could not be told to go on");
}

static void release(void) {
  /* A prepared zone has a record already: it execs while the other one is written, and has started when both are done. */
  bool waits = held;
  if (waits) let_child_go();
  report_step("monitor.record", -1);
  target.started_at_ms = now_ms();
  if (settings.record != NULL) record_running(settings.record, launch->pid, target.started_at_ms);
  if (held) unlink(settings.hold);
  went = held;
  held = target.held = false;
  if (settings.entry != NULL) record_target(settings.entry, launch->pid, target.started_at_ms);
  if (!waits) let_child_go();
}

/* From here on the zone is prepared: everything is done but its first exec. */
static void hold(void) {
  hold_wanted = !ready;
  if (hold_wanted) return;
  report_step("monitor.hold", -1);
  if (settings.hold == NULL) fail_with(EINVAL, "", "", "the plan has no monitor.hold");
  record_running(settings.hold, launch->pid, now_ms());
  held = target.held = true;
  report_held();
}

/* The namespaces are there. What the host has to do with them is done while the child mounts its root. */
static void announce_created(void) {
  if (created) return;
  created = true;
  report_created(launch->pid);
  netlink_host_ops(launch->plan, launch->pid);
  report_step("zone", -1);
  /* A child that is gone has left word of why. */
  if (settings.has_links && !hand_send(launch->socket, HAND_LINKS)) return;
  if (go_wanted) release();
}

static void read_hand(void) {
  while (launch->socket >= 0) {
    switch (hand_receive(launch->socket, &packet, false)) {
    case HAND_NOTHING:
      return;
    case HAND_CREATED:
      announce_created();
      break;
    case HAND_READY:
      ready = true;
      if (hold_wanted) hold();
      break;
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
    case HAND_CHILD:
    default:
      break;
    }
  }
}

static bool has_init_fork(const struct plan *plan) {
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    if (op.id == OP_INIT_FORK) return true;
  }
  return false;
}

static void take_program(void) {
  if (!settings.has_program || program != NULL) return;
  report_step("sync.program", -1);
  program = late_program();
  if (program == NULL) return;
  settings.has_init_fork = has_init_fork(program);
  late_adopt_stdio();
  start_pumps();
}

static void obey(const struct control_words *words) {
  take_program();
  if (words->go && settings.has_program && program == NULL) fail_with(EINVAL, "", "", "go came before the program");
  if (words->hold) hold();
  go_wanted = go_wanted || words->go;
  if (go_wanted && created) release();
}

static void detach(void) {
  attached = false;
  host_detach();
  pump_cut(&to_zone);
  pump_cut(&from_zone[0]);
  pump_cut(&from_zone[1]);
}

static void read_control(void) {
  struct control_words words = {false, false};
  struct control_target control = {launch->pidfd, target.master};
  bool open = control_read(&control, &words);
  if (phase == PHASE_PREPARING) obey(&words);
  if (open) return;
  detach();
  if (phase == PHASE_PREPARING && !held) {
    report_step("zone", -1);
    fail_with(0, "", "", "the caller has gone before go");
  }
}

static void read_console(void) {
  char bytes[8192];
  ssize_t n = read(target.master, bytes, sizeof bytes);
  if (n > 0) {
    log_feed(LOG_CONSOLE, bytes, (size_t)n);
    clients_console(bytes, (size_t)n);
  } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
    /* vhangup: a new slave makes the master usable again. */
    if (console_peer >= 0) close(console_peer);
    console_peer = ioctl(target.master, TZ_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (console_peer >= 0) return;
    close(target.master);
    target.master = -1;
  }
}

static void drain_console(void) {
  for (int i = 0; i < 64 && target.master >= 0; i++) {
    struct pollfd console = {.fd = target.master, .events = POLLIN};
    if (poll(&console, 1, 0) <= 0) break;
    if (!clients_have_room()) clients_settle(LAST_WORDS_MS);
    read_console();
  }
}

/* fd 4 may have been closed without our having read that yet. */
static bool caller_has_gone(void) {
  struct pollfd caller = {.fd = EVENT_FD, .events = POLLIN};
  return !attached || (poll(&caller, 1, 0) > 0 && (caller.revents & POLLHUP) != 0);
}

/* From here on the zone may be started anew, while its last output is still on its way to a caller. */
static void let_go(void) {
  if (target.master >= 0) close(target.master);
  if (console_peer >= 0) close(console_peer);
  target.master = console_peer = -1;
  if (launch->lock >= 0) flock(launch->lock, LOCK_UN);
}

_Noreturn static void finish(void) {
  int number;
  int status = process_reap(launch->pid, &number);
  static struct rest rests[2];
  for (int i = 0; i < 2; i++) rest_take(&rests[i], &from_zone[i]);
  drain_console();
  /* Whoever sees the record finds all of the output in the log. */
  log_flush();
  long oom_kills = read_counter(settings.oom, "oom_kill");
  if (settings.exit != NULL)
    record_exit(settings.exit, &(struct ending){status, number, oom_kills, has_too_many_groups});
  char line[128];
  snprintf(line, sizeof line, "{\"event\":\"exited\",\"status\":%d,\"signal\":%d,\"oomKills\":%ld}\n", status, number,
           oom_kills);
  clients_notify(line);
  /* A caller that has all of the output need not wait for the rest, unless it wants to: then it waits for our end. */
  bool told = attached && control_is_claimed() && rest_give_now(rests, 2);
  if (told) report_exited(status, number, oom_kills);
  exitlist_run(launch->plan, true);
  drain_console();
  log_flush();
  clients_settle(LAST_WORDS_MS);
  clients_close();
  bool is_callers = control_is_claimed() && !caller_has_gone();
  let_go();
  if (!is_callers) exitlist_spawn(launch->plan);
  /* Only now may the caller's slowness hold us up: nobody waits for us any more but itself. */
  if (attached && !told && rest_give(rests, 2, launch->signals)) report_exited(status, number, oom_kills);
  if (is_callers && caller_has_gone()) exitlist_spawn(launch->plan);
  _exit(status);
}

/* The kernel does not refuse it, so what has made too many has to end. */
static void keep_bound(void) {
  if (has_too_many_groups || !bound_is_passed()) return;
  static const char why[] = "tszone: the zone is ended, as it has made more cgroups than it may\n";
  has_too_many_groups = true;
  log_feed(LOG_STDERR, why, sizeof why - 1);
  tz_pidfd_send_signal(launch->pidfd, SIGKILL);
}

static int timeout(void) {
  int clients = clients_timeout();
  int bound = phase == PHASE_RUNNING ? bound_timeout() : -1;
  if (bound < 0 || clients < 0) return bound < 0 ? clients : bound;
  return clients < bound ? clients : bound;
}

static void turn(void) {
  /* Not cleared: only what is watched becomes real memory. */
  struct poller poller;
  poller.count = 0;
  int at_end = poller_add(&poller, launch->pidfd, POLLIN);
  int at_hand = poller_add(&poller, launch->socket, POLLIN);
  int at_control = poller_add(&poller, attached ? EVENT_FD : -1, POLLIN);
  int at_signals = poller_add(&poller, launch->signals, POLLIN);
  int at_console = poller_add(&poller, clients_have_room() ? target.master : -1, POLLIN);
  pump_watch(&to_zone, &poller);
  pump_watch(&from_zone[0], &poller);
  pump_watch(&from_zone[1], &poller);
  clients_watch(&poller);
  guards_watch(&poller);
  poller_wait(&poller, timeout());

  if (phase == PHASE_RUNNING) keep_bound();
  guards_work(&poller);
  clients_work(&poller, &target);
  if (target.go && held) release();
  target.go = false;
  if (poller_got(&poller, at_hand) != 0 || poller_got(&poller, at_end) != 0) read_hand();
  if (poller_got(&poller, at_console) != 0) read_console();
  pump_work(&to_zone, &poller);
  pump_work(&from_zone[0], &poller);
  pump_work(&from_zone[1], &poller);
  if (poller_got(&poller, at_signals) != 0) control_forward_signals(launch->signals, launch->pidfd);
  if (poller_got(&poller, at_end) != 0 && phase == PHASE_RUNNING) finish();
  if (poller_got(&poller, at_control) != 0) read_control();
}

_Noreturn void monitor_run(struct launch *what) {
  launch = what;
  target.pidfd = launch->pidfd;
  target.pid = launch->pid;
  if (!settings.has_program) start_pumps();
  if (!settings.has_created) announce_created();
  for (;;) turn();
}
