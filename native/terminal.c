/* The caller's terminal, see terminal.h. */
#include "terminal.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct termios before;
static bool is_raw;

void terminal_raw(void) {
  if (is_raw || tcgetattr(0, &before) != 0) return;
  struct termios raw = before;
  cfmakeraw(&raw);
  is_raw = tcsetattr(0, TCSADRAIN, &raw) == 0;
}

void terminal_restore(void) {
  if (is_raw) tcsetattr(0, TCSADRAIN, &before);
  is_raw = false;
}

void terminal_resize(int master) {
  struct winsize size;
  if (master >= 0 && ioctl(1, TIOCGWINSZ, &size) == 0) ioctl(master, TIOCSWINSZ, &size);
}
