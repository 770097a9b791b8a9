/* What tells machines apart is taken out of a root file system. */
#include "unpack_scrub.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unpack_confine.h"
#include "unpack_outline.h"
#include "unpack_path.h"
#include "unpack_report.h"
#include "unpack_whiteout.h"

enum { MAX_KIND = 16, MAX_KINDS = 8 };

static unsigned removed;
static char *kinds;

/* Once for each part: a key of the kind is to be made in its place. */
static void note_kind(const char *part, const char *name, const char *(*seen)[MAX_KINDS]) {
  const char *kind = name + strlen("ssh_host_");
  size_t length = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789"), used = kinds == NULL ? 0 : strlen(kinds);
  size_t at = 0;

  if (part == NULL || length == 0 || length > MAX_KIND || strncmp(kind + length, "_key", 4) != 0) return;
  for (; at < MAX_KINDS && (*seen)[at] != NULL; at++)
    if (strlen((*seen)[at]) == length && strncmp((*seen)[at], kind, length) == 0) return;
  if (at == MAX_KINDS) return;
  (*seen)[at] = unpack_strdup(kind, length);
  kinds = unpack_alloc(kinds, used + strlen(part) + length + 5);
  sprintf(kinds + used, "%s\"%s/%s\"", used == 0 ? "" : ",", part, (*seen)[at]);
}

void unpack_scrub_report(FILE *out) {
  fprintf(out, ",\"removedHostKeys\":%u,\"hostKeys\":[%s]", removed, kinds == NULL ? "" : kinds);
}

/* An image is the start of many zones: what tells machines apart must not be in it. */
void unpack_scrub(int root, const char *part) {
  const char *seen[MAX_KINDS] = {NULL};
  int directory = unpack_open_in_root(root, "etc", O_PATH | O_DIRECTORY, 0), fd;
  struct dirent *found;
  struct stat st;
  DIR *list;

  if (directory >= 0 && fstatat(directory, "machine-id", &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
      !unpack_at_whiteout(directory, "machine-id")) {
    if (unlinkat(directory, "machine-id", 0) < 0) unpack_die(errno, "empty", "etc/machine-id");
    if (st.st_size > 0) unpack_outline_broken();
    fd = openat(directory, "machine-id", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    /* With its times: it is not that which has changed between two layers. */
    if (fd < 0 || futimens(fd, (const struct timespec[]){st.st_atim, st.st_mtim}) < 0)
      unpack_die(errno, "empty", "etc/machine-id");
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
    if (fnmatch("ssh_host_*_key*", found->d_name, 0) == 0 && !unpack_at_whiteout(dirfd(list), found->d_name)) {
      if (unlinkat(dirfd(list), found->d_name, 0) < 0) unpack_die(errno, "remove a host key", found->d_name);
      unpack_outline_broken();
      removed += fnmatch("*.pub", found->d_name, 0) != 0;
      note_kind(part, found->d_name, &seen);
    }
  if (list != NULL) closedir(list);
  unpack_path_forget();
}
