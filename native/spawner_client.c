/* The engine's socket: command lines that come with their descriptors, see spawner.h and client.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "compat.h"
#include "spawner.h"

enum { MAX_PENDING = 16 * 1024 * 1024, MAX_GROUPS = 256 };

struct client {
  int fd; /* -1: a free place */
  uint32_t id;
  int stdio[3];
  bool known;  /* node has its request */
  bool ending; /* nothing more is said to it than what is pending */
  struct frame_input input;
  char *pending; /* what it has not taken yet */
  size_t pending_length;
};

static struct client *clients;
static uint32_t count;
static uint32_t last_id;
static int listener = -1;
static gid_t allowed_group = (gid_t)-1;

static void answer_listen(int error) {
  char text[16];
  snprintf(text, sizeof text, "%d", error);
  spawner_tell(FRAME_LISTENING, 0, text, strlen(text) + 1);
}

/* By way of its directory's descriptor, as sun_path takes only 107 bytes. */
static int bind_path(int fd, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char parent[PATH_MAX];
  const char *name = strrchr(path, '/');
  if (name == NULL || snprintf(parent, sizeof parent, "%.*s/", (int)(name - path), path) >= PATH_MAX) return EINVAL;
  int directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return errno;
  int n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d%s", directory, name);
  int error = n < 0 || (size_t)n >= sizeof address.sun_path ? ENAMETOOLONG : 0;
  unlink(path);
  mode_t mask = umask(0177);
  if (error == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) != 0) error = errno;
  umask(mask);
  close(directory);
  if (error == 0 && allowed_group != (gid_t)-1 && (chown(path, 0, allowed_group) != 0 || chmod(path, 0660) != 0)) {
    error = errno;
  }
  return error == 0 && listen(fd, 128) != 0 ? errno : error;
}

/* A path, or "N": node's descriptor of a socket that listens already. */
void client_listen(const struct frame *frame) {
  const char *rest;
  const char *where = frame_token(frame, 0, &rest);
  const char *group = frame_token(frame, 1, &rest);
  if (where == NULL || group == NULL || listener >= 0) return answer_listen(EINVAL);
  if (*group != '\0') allowed_group = (gid_t)strtoul(group, NULL, 10);
  if (*where != '/') {
    listener = spawner_take_fd(atoi(where));
    if (listener < 0) return answer_listen(errno);
    fcntl(listener, F_SETFL, O_NONBLOCK);
  } else {
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return answer_listen(errno);
    int error = bind_path(listener, where);
    if (error != 0) {
      close(listener);
      listener = -1;
      return answer_listen(error);
    }
  }
  answer_listen(spawner_watch(listener, SOURCE_LISTENER, 0) ? 0 : errno);
}

/* Root, or a member of the group: asked of the kernel, whatever the socket's file says. */
static bool may_talk(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0) return true;
  if (allowed_group == (gid_t)-1) return false;
  if (peer.gid == allowed_group) return true;
  gid_t groups[MAX_GROUPS];
  size = sizeof groups;
  if (getsockopt(fd, SOL_SOCKET, TZ_SO_PEERGROUPS, groups, &size) != 0) return false;
  for (size_t i = 0; i < size / sizeof groups[0]; i++) {
    if (groups[i] == allowed_group) return true;
  }
  return false;
}

static struct client *free_place(void) {
  for (uint32_t i = 0; i < count; i++) {
    if (clients[i].fd < 0) return &clients[i];
  }
  uint32_t more = count == 0 ? 16 : count * 2;
  struct client *grown = realloc(clients, more * sizeof *clients);
  if (grown == NULL) return NULL;
  clients = grown;
  for (uint32_t i = count; i < more; i++) clients[i].fd = -1;
  struct client *place = &clients[count];
  count = more;
  return place;
}

static void drop(struct client *client) {
  spawner_unwatch(client->fd);
  close(client->fd);
  for (int i = 0; i < 3; i++) {
    if (client->stdio[i] >= 0) close(client->stdio[i]);
  }
  frames_forget(&client->input);
  free(client->pending);
  struct client was = *client;
  *client = (struct client){.fd = -1};
  if (was.known && !was.ending) spawner_tell(FRAME_CLIENT_GONE, was.id, "", 0);
}

void client_accept(void) {
  int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct client *client = may_talk(fd) ? free_place() : NULL;
  if (client == NULL || !spawner_watch(fd, SOURCE_CLIENT, (uint32_t)(client - clients))) {
    close(fd);
    return;
  }
  *client = (struct client){.fd = fd, .id = ++last_id, .stdio = {-1, -1, -1}};
}

/* The first bytes bring the three descriptors along. */
static bool read_client(struct client *client) {
  if (client->stdio[0] >= 0) return frames_read(client->fd, &client->input);
  return frames_read_with_fds(client->fd, &client->input, client->stdio, 3);
}

static struct client *find(uint32_t id) {
  for (uint32_t i = 0; i < count; i++) {
    if (clients[i].fd >= 0 && clients[i].id == id) return &clients[i];
  }
  return NULL;
}

static void flush(struct client *client) {
  size_t done = 0;
  while (done < client->pending_length) {
    ssize_t n = send(client->fd, client->pending + done, client->pending_length - done, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n <= 0) return drop(client);
    done += (size_t)n;
  }
  client->pending_length -= done;
  if (client->pending_length > 0) {
    memmove(client->pending, client->pending + done, client->pending_length);
  } else if (client->ending) {
    return drop(client);
  }
  spawner_watch_write(client->fd, SOURCE_CLIENT, (uint32_t)(client - clients), client->pending_length > 0);
}

/* The engine's word to a client goes on as it is: a frame of client.h. */
void client_reply(const struct frame *frame, bool last) {
  struct client *client = find(frame->id);
  if (client == NULL || client->ending) return;
  char *grown = client->pending_length + frame->size > MAX_PENDING
                    ? NULL
                    : realloc(client->pending, client->pending_length + frame->size + 1);
  /* Nobody who reads that slowly can hold the engine's memory. */
  if (grown == NULL) return drop(client);
  client->pending = grown;
  memcpy(client->pending + client->pending_length, frame->bytes, frame->size);
  client->pending_length += frame->size;
  client->ending = last;
  flush(client);
}

int client_take_fd(uint32_t id, int which) {
  const struct client *client = find(id);
  if (client == NULL || which < 0 || which > 2 || client->stdio[which] < 0) {
    errno = ESRCH;
    return -1;
  }
  return fcntl(client->stdio[which], F_DUPFD_CLOEXEC, 3);
}

static void take_frames(uint32_t index) {
  uint32_t id = clients[index].id;
  struct frame frame;
  bool broken = false;
  while (clients[index].fd >= 0 && clients[index].id == id && frames_next(&clients[index].input, &frame, &broken)) {
    struct client *client = &clients[index];
    if (frame.kind == CLIENT_REQUEST && !client->known && client->stdio[2] >= 0) {
      client->known = true;
      spawner_tell(FRAME_CLIENT, id, frame.bytes, frame.size);
    } else if (frame.kind == CLIENT_SIGNAL && client->known) {
      spawner_tell(FRAME_CLIENT_SIGNAL, id, frame.bytes, frame.size);
    } else {
      broken = true;
    }
    if (broken) break;
  }
  if (broken) drop(&clients[index]);
}

void client_ready(uint32_t index, bool readable, bool writable) {
  if (clients[index].fd < 0) return;
  if (writable && clients[index].pending_length > 0) flush(&clients[index]);
  if (!readable || clients[index].fd < 0) return;
  if (read_client(&clients[index])) {
    take_frames(index);
  } else {
    drop(&clients[index]);
  }
}
