/* What is in a directory, and the end of a tree of ours. */
#include "copy_names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "copy_file.h"
#include "unpack_report.h"

enum { OPEN_DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

int copy_by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

struct copy_names copy_read_names(int directory) {
  int again = openat(directory, ".", OPEN_DIRECTORY);
  DIR *stream = again < 0 ? NULL : fdopendir(again);
  struct copy_names names = {NULL, 0};
  size_t room = 0;
  struct dirent *found;

  /* One that has been removed since it was opened is an empty one. */
  if (again < 0 && errno == ENOENT) return names;
  if (stream == NULL) unpack_die(errno, "open a directory", NULL);
  while ((errno = 0, found = readdir(stream)) != NULL) {
    if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0) continue;
    if (names.count == room) {
      room = room == 0 ? 64 : room * 2;
      names.list = unpack_alloc(names.list, room * sizeof *names.list);
    }
    names.list[names.count++] = unpack_strdup(found->d_name, strlen(found->d_name));
  }
  if (errno != 0 && errno != ENOENT) unpack_die(errno, "read a directory", NULL);
  closedir(stream);
  if (names.count > 0) qsort(names.list, names.count, sizeof *names.list, copy_by_name);
  return names;
}

void copy_free_names(struct copy_names *names) {
  for (size_t i = 0; i < names->count; i++) free(names->list[i]);
  free(names->list);
}

/* In the copy, which is ours alone. */
void copy_remove_tree(int parent, const char *name) {
  struct copy_names names;
  int fd;

  copy_counts.removed++;
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR) unpack_die(errno, "remove", NULL);
  fd = openat(parent, name, OPEN_DIRECTORY);
  if (fd < 0) unpack_die(errno, "open a directory", NULL);
  names = copy_read_names(fd);
  for (size_t i = 0; i < names.count; i++) copy_remove_tree(fd, names.list[i]);
  copy_free_names(&names);
  close(fd);
  if (unlinkat(parent, name, AT_REMOVEDIR) < 0) unpack_die(errno, "remove a directory", NULL);
}
