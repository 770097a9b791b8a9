/* Pseudo terminals of the zone side: made in the zone's own devpts, their masters sent to the host side. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "compat.h"
#include "hand.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

struct pty {
  int slave;
  unsigned number;
};

/* Opens a pair; the master is sent off and closed here. */
static struct pty open_pty(void) {
  static const char path[] = "/dev/pts/ptmx";
  int master = path_open(path, O_RDWR | O_NOCTTY, TZ_RESOLVE_NO_SYMLINKS);
  if (master < 0) fail("openat2", path);
  struct statfs info;
  if (fstatfs(master, &info) != 0) fail("fstatfs", path);
  if (info.f_type != TZ_DEVPTS_MAGIC) fail_with(EINVAL, "fstatfs", path, "this is not the kernel's devpts");
  int unlocked = 0;
  if (ioctl(master, TIOCSPTLCK, &unlocked) != 0) fail("ioctl(TIOCSPTLCK)", path);
  struct pty pty;
  if (ioctl(master, TIOCGPTN, &pty.number) != 0) fail("ioctl(TIOCGPTN)", path);
  pty.slave = ioctl(master, TZ_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (pty.slave < 0) fail("ioctl(TIOCGPTPEER)", path);
  struct winsize size = {.ws_row = settings.rows, .ws_col = settings.columns};
  if (size.ws_row != 0) ioctl(master, TIOCSWINSZ, &size);
  if (!hand_send_fd(zone.socket, HAND_MASTER, master)) fail("sendmsg", path);
  close(master);
  return pty;
}

void console_make(const struct op *op) {
  (void)op;
  struct pty pty = open_pty();
  char path[40];
  snprintf(path, sizeof path, "/dev/pts/%u", pty.number);
  int node = path_open(path, O_PATH, TZ_RESOLVE_NO_SYMLINKS);
  if (node < 0) fail("openat2", path);
  int tree = tz_open_tree(node, "", TZ_OPEN_TREE_CLONE | O_CLOEXEC | TZ_AT_EMPTY_PATH);
  if (tree < 0) fail("open_tree", path);
  int target = path_target("/dev/console", false);
  if (tz_move_mount(tree, "", target, "", TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    fail("move_mount", "/dev/console");
  }
  close(node);
  close(tree);
  close(target);
  if (settings.stdio == STDIO_PTY) {
    zone.console = pty.slave;
  } else {
    close(pty.slave);
  }
}

void console_borrow(void) {
  zone.console = open_pty().slave;
}
