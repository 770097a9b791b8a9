/* monitor.share and exit.last, see share.h. */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "report.h"

static int share = -1;

void share_take(const char *path) {
  report_step("monitor.share", -1);
  share = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (share < 0) fail("open", path);
  /* Waits for a last one who is letting go. */
  while (flock(share, LOCK_SH) != 0) {
    if (errno != EINTR) fail("flock", path);
  }
}

void share_last(const char *file, const char *text) {
  /* Even if it fails, our part is gone by then: of two who leave at once, one is the last. */
  if (share < 0 || flock(share, LOCK_EX | LOCK_NB) != 0) return;
  int fd = open(file, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    ssize_t n = write(fd, text, strlen(text));
    (void)n;
    close(fd);
  }
  flock(share, LOCK_UN);
}
