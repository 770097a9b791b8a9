/* Pseudo terminals of the zone side: made in the zone's own devpts, their masters sent to the host side. */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "compat.h"
#include "hand.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

/* Opens a pair and returns the slave; the master is sent off and closed here. */
static int open_pty(void) {
  static const char path[] = "/dev/pts/ptmx";
  int master = path_open(path, O_RDWR | O_NOCTTY, TZ_RESOLVE_NO_SYMLINKS);
  if (master < 0) fail("openat2", path);
  struct statfs info;
  if (fstatfs(master, &info) != 0) fail("fstatfs", path);
  if (info.f_type != TZ_DEVPTS_MAGIC) fail_with(EINVAL, "fstatfs", path, "this is not the kernel's devpts");
  int unlocked = 0;
  if (ioctl(master, TIOCSPTLCK, &unlocked) != 0) fail("ioctl(TIOCSPTLCK)", path);
  int slave = ioctl(master, TZ_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) fail("ioctl(TIOCGPTPEER)", path);
  struct winsize size = {.ws_row = settings.rows, .ws_col = settings.columns};
  if (size.ws_row != 0) ioctl(master, TIOCSWINSZ, &size);
  if (!hand_send_fd(zone.socket, HAND_MASTER, master)) fail("sendmsg", path);
  close(master);
  return slave;
}

void console_make(const struct op *op) {
  (void)op;
  int slave = open_pty();
  /* From the descriptor: the name of it in /dev/pts could lead elsewhere. */
  int tree = tz_open_tree(slave, "", TZ_OPEN_TREE_CLONE | O_CLOEXEC | TZ_AT_EMPTY_PATH);
  if (tree < 0) fail("open_tree", "/dev/pts");
  int target = path_target("/dev/console", false);
  if (tz_move_mount(tree, "", target, "", TZ_MOVE_MOUNT_F_EMPTY_PATH | TZ_MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    fail("move_mount", "/dev/console");
  }
  close(tree);
  close(target);
  if (settings.stdio == STDIO_PTY) {
    zone.console = slave;
  } else {
    close(slave);
  }
}

void console_borrow(void) {
  zone.console = open_pty();
}
