/* apparmor.exec: the profile that the next exec begins under. Which one that is, and what it says, is made up in
 * TypeScript. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "compat.h"
#include "report.h"
#include "settings.h"
#include "zone.h"

void apparmor_begin(void) {
  static const char path[] = "/proc";
  struct statfs info;
  zone.host_proc = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (zone.host_proc < 0 || fstatfs(zone.host_proc, &info) != 0) fail("open", path);
  if (info.f_type != TZ_PROC_MAGIC) fail_with(EINVAL, "fstatfs", path, "this is not the kernel's /proc");
}

/* By the host's /proc, which nobody in the zone can have put something else over. The kernel takes the word only from
 * the process itself, so the file cannot be opened earlier. A child that is forked after this execs under the profile,
 * too. */
void apparmor_exec(const struct op *op) {
  static const char path[] = "self/attr/apparmor/exec";
  const char *profile = op_arg(op, 0);
  char word[256];
  int length = snprintf(word, sizeof word, "exec %s", profile);
  if (length >= (int)sizeof word) fail_with(ENAMETOOLONG, "", profile, "the name is too long");
  if (zone.host_proc < 0) fail_with(EINVAL, "", profile, "there is no /proc of the host");
  int fd = openat(zone.host_proc, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail("openat", path);
  if (write(fd, word, (size_t)length) != length) fail("write", profile);
  close(fd);
}
