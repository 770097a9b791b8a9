/* From the host into the zone, see worker.h. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "compat.h"
#include "hand.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

/* A v2 mount with nsdelegate lets nobody move in from outside of what he sees: its cgroup namespace is entered only by
 * the process that is in the group. */
static int entered_late(const struct worker *worker) {
  return worker->into < 0 ? 0 : (int)settings.ns_flags & CLONE_NEWCGROUP;
}

static void enter(const struct worker *worker, int namespaces) {
  if (namespaces != 0 && setns(worker->target, namespaces) != 0) fail("setns", settings.target_pid);
}

static unsigned piped(const struct stdio *stdio) {
  unsigned bits = 0;
  for (int fd = 0; fd <= 2; fd++) {
    if (stdio->host[fd] >= 0) bits |= 1U << fd;
  }
  return bits;
}

_Noreturn static void zone_side(const struct worker *worker) {
  zone.socket = worker->socket;
  zone.own_pipes = piped(worker->stdio);
  report_step("enter", -1);
  zone_join_cgroups();
  enter(worker, entered_late(worker));
  zone_become_root();
  if (worker->control >= 0) close(worker->control);
  stdio_adopt(worker->stdio);
  zone.root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (zone.root < 0) fail("open", "/");
  if (settings.stdio == STDIO_PTY) console_borrow();
  zone_walk(worker->plan);
}

/* The host's, before anything of the zone is entered: whose parameters they are is told by who looks them up. */
static void open_sysctls(void) {
  static const char path[] = "/proc/sys";
  struct statfs info;
  if ((settings.ns_flags & CLONE_NEWNS) != 0)
    fail_with(EINVAL, "", path, "sysctls are written from outside of the zone's mounts");
  zone.sysctl = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (zone.sysctl < 0 || fstatfs(zone.sysctl, &info) != 0) fail("open", path);
  if (info.f_type != TZ_PROC_MAGIC) fail_with(EINVAL, "fstatfs", path, "this is not the kernel's /proc");
}

_Noreturn static void work(const struct worker *worker) {
  report_to_socket(worker->socket);
  report_step("enter", -1);
  prctl(PR_SET_DUMPABLE, 0);
  if (settings.has_sysctl) open_sysctls();
  if (settings.has_apparmor) apparmor_begin();
  /* A pid namespace is entered by children only: hence the clone. */
  enter(worker, (int)settings.ns_flags & ~entered_late(worker));
  struct tz_clone_args args = {.flags = TZ_CLONE_PARENT};
  if (worker->into >= 0) {
    args.flags |= TZ_CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)worker->into;
  }
  pid_t pid = tz_clone3(&args);
  if (pid < 0) fail("clone3", "");
  if (pid == 0) zone_side(worker);
  hand_send_pid(worker->socket, pid);
  _exit(0);
}

pid_t worker_run(const struct worker *worker) {
  /* It borrows our memory until it has ended: no copy of it is made, and nothing in the zone can keep it from ending. A
   * time namespace is entered only by who has memory of his own. */
  pid_t pid = (settings.ns_flags & CLONE_NEWTIME) != 0 ? fork() : vfork();
  if (pid < 0) fail("fork", "");
  if (pid == 0) work(worker);
  report_to_socket(-1);
  return pid;
}
