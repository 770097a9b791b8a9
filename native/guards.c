/* The monitor's guarded execs, see guards.h. */
#include "guards.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "group.h"

enum { MAX_GUARDED = 1000 };

struct guarded {
  int fd;
  int place;
  char *group;
};

static struct guarded *guarded;
static int count;
static int size;

bool guards_take(int fd, const char *group) {
  if (count == MAX_GUARDED) return false;
  if (count == size) {
    int wanted = size == 0 ? 16 : 2 * size;
    struct guarded *grown = realloc(guarded, (size_t)wanted * sizeof *guarded);
    if (grown == NULL) return false;
    guarded = grown;
    size = wanted;
  }
  char *copy = strdup(group);
  if (copy == NULL) return false;
  guarded[count++] = (struct guarded){.fd = fd, .place = -1, .group = copy};
  return true;
}

void guards_watch(struct poller *poller) {
  for (int i = 0; i < count; i++) guarded[i].place = poller_add(poller, guarded[i].fd, POLLIN);
}

/* It may take a while until all are dead: a process of its own sees to it, which pid 1 of the host reaps. */
static void end_group(const char *group) {
  pid_t child = fork();
  if (child > 0) waitpid(child, NULL, 0);
  if (child != 0) return;
  if (fork() != 0) _exit(0);
  tz_close_range(0, ~0U, 0);
  group_kill(group);
  group_remove_tree(group, true);
  _exit(0);
}

/* Any word of a living caller means that all is well; the end without one, that it was killed. */
static bool has_ended(struct guarded *one) {
  char word[16];
  ssize_t n = recv(one->fd, word, sizeof word, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (n <= 0) end_group(one->group);
  return true;
}

void guards_work(const struct poller *poller) {
  int kept = 0;
  for (int i = 0; i < count; i++) {
    if (poller_got(poller, guarded[i].place) != 0 && has_ended(&guarded[i])) {
      close(guarded[i].fd);
      free(guarded[i].group);
    } else {
      guarded[kept++] = guarded[i];
    }
  }
  count = kept;
}
