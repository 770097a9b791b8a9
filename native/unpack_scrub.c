/* What tells machines apart is taken out of a root file system. */
#include "unpack_scrub.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_confine.h"
#include "unpack_outline.h"
#include "unpack_path.h"
#include "unpack_report.h"
#include "unpack_whiteout.h"

/* An image is the start of many zones: what tells machines apart must not be in it. */
unsigned unpack_scrub(int root) {
  unsigned keys = 0;
  int directory = unpack_open_in_root(root, "etc", O_PATH | O_DIRECTORY, 0), fd;
  struct dirent *found;
  struct stat st;
  DIR *list;

  if (directory >= 0 && fstatat(directory, "machine-id", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
      !unpack_at_whiteout(directory, "machine-id")) {
    if (unlinkat(directory, "machine-id", 0) < 0) unpack_die(errno, "empty", "etc/machine-id");
    if (st.st_size > 0) unpack_outline_broken();
    fd = openat(directory, "machine-id", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    if (fd < 0) unpack_die(errno, "empty", "etc/machine-id");
    close(fd);
  }
  if (directory >= 0) close(directory);
  directory = unpack_open_in_root(root, "var/lib/dbus", O_PATH | O_DIRECTORY, 0);
  if (directory >= 0) {
    if (fstatat(directory, "machine-id", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        unlinkat(directory, "machine-id", 0) == 0)
      unpack_outline_broken();
    close(directory);
  }
  fd = unpack_open_in_root(root, "etc/ssh", O_RDONLY | O_DIRECTORY, 0);
  list = fd < 0 ? NULL : fdopendir(fd);
  while (list != NULL && (found = readdir(list)) != NULL)
    if (fnmatch("ssh_host_*_key*", found->d_name, 0) == 0) {
      if (unlinkat(dirfd(list), found->d_name, 0) < 0) unpack_die(errno, "remove a host key", found->d_name);
      unpack_outline_broken();
      keys += fnmatch("*.pub", found->d_name, 0) != 0;
    }
  if (list != NULL) closedir(list);
  unpack_path_forget();
  return keys;
}
