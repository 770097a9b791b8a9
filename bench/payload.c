/* What every contender runs, as small as a program can be. Its name says what it does: true ends at once, pause sleeps
 * for ever, tick writes a byte to its terminal each millisecond. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv) {
  const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
  if (name != NULL && strcmp(name, "/pause") == 0)
    for (;;) pause();
  if (name != NULL && strcmp(name, "/tick") == 0) {
    /* lxc gives what it starts in the background no terminal, but has one there. */
    int console = open("/dev/console", O_WRONLY | O_NOCTTY);
    while (write(console < 0 ? 1 : console, ".", 1) == 1) usleep(1000);
  }
  return 0;
}
