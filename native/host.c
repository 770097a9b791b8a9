/* The host side's preparations, see host.h. Mounts are in host_mnt.c. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "compat.h"
#include "process.h"
#include "report.h"
#include "settings.h"

enum { PLAN_FD = 3 };

extern char **environ;

void host_execute_read_only(char **argv) {
  int self = open("/proc/self/exe", O_PATH | O_CLOEXEC);
  struct statvfs info;
  if (self < 0 || fstatvfs(self, &info) != 0) fail("open", "/proc/self/exe");
  if ((info.f_flag & ST_RDONLY) == 0) {
    int tree = tz_open_tree(self, "", TZ_OPEN_TREE_CLONE | O_CLOEXEC | TZ_AT_EMPTY_PATH);
    if (tree < 0) fail("open_tree", "/proc/self/exe");
    struct tz_mount_attr attr = {.set = TZ_ATTR_RDONLY};
    if (tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH, &attr) != 0) fail("mount_setattr", "/proc/self/exe");
    syscall(SYS_execveat, tree, "", argv, environ, TZ_AT_EMPTY_PATH);
    fail("execveat", "/proc/self/exe");
  }
  close(self);
}

void host_begin(char **argv) {
  for (int fd = 0; fd <= EVENT_FD; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == PLAN_FD ? O_RDONLY : O_RDWR) != fd) _exit(STATUS_FAILED);
  }
  host_execute_read_only(argv);
  tz_close_range(EVENT_FD + 1, ~0U, 0);
  fcntl(EVENT_FD, F_SETFD, FD_CLOEXEC);
  host_begin_forked();
}

void host_begin_forked(void) {
  setsid();
  umask(077);
  if (chdir("/") != 0) fail("chdir", "/");
}

void host_read_plan(struct plan *plan, bool launching) {
  report_step("plan", -1);
  if (!plan_read(PLAN_FD, plan)) fail("read", "the plan");
  close(PLAN_FD);
  host_load_plan(plan, launching);
}

void host_load_plan(struct plan *plan, bool launching) {
  report_step("plan", -1);
  struct plan_error error;
  if (!plan_check(plan, &error)) {
    report_step(error.op < 0 ? "plan" : error.token, error.op);
    fail_with(EINVAL, "", "", error.message);
  }
  settings_load(plan, launching);
}

int host_signals(bool resize) {
  static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaddset(&set, numbers[i]);
  if (resize) sigaddset(&set, SIGWINCH);
  sigprocmask(SIG_SETMASK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) fail("signalfd", "");
  return fd;
}

void host_open_cgroups(int *into) {
  *into = -1;
  report_step("cgroup.join", -1);
  for (int i = 0; i < settings.join_count; i++) {
    settings.join_fds[i] = open(settings.joins[i], O_WRONLY | O_CLOEXEC);
    if (settings.join_fds[i] < 0) fail("open", settings.joins[i]);
  }
  if (settings.cgroup_into == NULL) return;
  report_step("cgroup.into", -1);
  *into = open(settings.cgroup_into, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (*into < 0) fail("open", settings.cgroup_into);
}

static void write_maps(pid_t pid, const char *file, const struct map *maps, int count) {
  char path[48];
  char text[1024];
  size_t length = 0;
  if (count == 0) return;
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  for (int i = 0; i < count; i++) {
    int n = snprintf(text + length, sizeof text - length, "%s %s %s\n", maps[i].inside, maps[i].outside, maps[i].count);
    if (n < 0 || (size_t)n >= sizeof text - length) fail_with(E2BIG, "", path, "the id map is too long");
    length += (size_t)n;
  }
  /* One write for all lines: the kernel takes a map only once. */
  if (write_text(path, text) != 0) fail("write", path);
}

void host_map(pid_t pid) {
  if ((settings.ns_flags & CLONE_NEWUSER) == 0) return;
  report_step("ns.uidmap", -1);
  write_maps(pid, "uid_map", settings.uid_maps, settings.uid_map_count);
  report_step("ns.gidmap", -1);
  write_maps(pid, "gid_map", settings.gid_maps, settings.gid_map_count);

  char path[48];
  snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
  int user = open(path, O_RDONLY | O_CLOEXEC);
  if (user < 0) fail("open", path);
  for (int i = 0; i < settings.tree_count; i++) {
    const struct tree *tree = &settings.trees[i];
    if ((tree->flags & TREE_IDMAP) == 0) continue;
    report_step("tree.open", tree->op);
    struct tz_mount_attr attr = {.set = TZ_ATTR_IDMAP | tree->attributes, .userns_fd = (uint64_t)user};
    unsigned recursive = (tree->flags & TREE_RECURSIVE) != 0 ? TZ_AT_RECURSIVE : 0;
    if (tz_mount_setattr(tree->fd, "", TZ_AT_EMPTY_PATH | recursive, &attr) != 0) fail("mount_setattr", tree->path);
  }
  close(user);
}

void host_make_pipe(struct stdio *stdio, int fd, uid_t uid, gid_t gid) {
  int ends[2];
  int zone_side = fd == 0 ? 0 : 1;
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2", "");
  stdio->zone[fd] = ends[zone_side];
  stdio->host[fd] = ends[1 - zone_side];
  /* Owned by the zone, so that it can open /dev/stdout anew. */
  if (fchown(stdio->zone[fd], uid, gid) != 0) fail("fchown", "stdio");
  fcntl(stdio->host[fd], F_SETFL, O_NONBLOCK | (fd == 0 ? O_WRONLY : O_RDONLY));
}

void host_make_pipes(struct stdio *stdio, bool with_stdin, uid_t uid, gid_t gid) {
  report_step("stdio.mode", -1);
  if (with_stdin) {
    host_make_pipe(stdio, 0, uid, gid);
  } else {
    stdio->zone[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (stdio->zone[0] < 0) fail("open", "/dev/null");
  }
  host_make_pipe(stdio, 1, uid, gid);
  host_make_pipe(stdio, 2, uid, gid);
}

void stdio_adopt(const struct stdio *stdio) {
  for (int fd = 0; fd <= 2; fd++) {
    if (stdio->zone[fd] >= 0 && dup2(stdio->zone[fd], fd) < 0) fail("dup2", "stdio");
  }
}

void stdio_close_zone(struct stdio *stdio) {
  for (int fd = 0; fd <= 2; fd++) {
    if (stdio->zone[fd] >= 0) close(stdio->zone[fd]);
    stdio->zone[fd] = -1;
  }
}

void host_detach(void) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; fd++) {
    if (null >= 0)
      dup2(null, fd);
    else
      close(fd);
  }
  /* Its number stays taken: an event must never end up in a client's connection. */
  if (null >= 0) dup3(null, EVENT_FD, O_CLOEXEC);
  if (null > EVENT_FD) close(null);
}
