/* The monitor's unix socket, see clients.h. */
#include "clients.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "compat.h"
#include "guards.h"
#include "process.h"
#include "report.h"

/* Who stays may not fill the table: there is always room for a short request, such as the signal that ends the zone. */
enum { MAX_WAITING = 36, MAX_CONSOLES = 8, MAX_CLIENTS = MAX_WAITING + MAX_CONSOLES + 4 };
enum { INPUT_BYTES = 1024, OUTPUT_BYTES = 16384, CONSOLE_CHUNK = 8192, PATIENCE_MS = 30000 };

struct client {
  int fd;
  bool waits, console, starts, ended;
  int place;
  size_t input_length, output_length;
  long long stalled_since_ms; /* 0: not stalled */
  char input[INPUT_BYTES];    /* the beginning of a line, or console input that the pty does not take yet */
  char output[OUTPUT_BYTES];
};

static struct client clients[MAX_CLIENTS];
static int client_count;
static int listener = -1;
static int listener_place = -1;
static int master_place = -1;
static int last_master = -1;

void clients_listen(const char *path) {
  report_step("monitor.socket", -1);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char parent[PATH_MAX];
  const char *name = strrchr(path, '/');
  if (name == NULL || snprintf(parent, sizeof parent, "%.*s/", (int)(name - path), path) >= PATH_MAX) {
    fail_with(EINVAL, "bind", path, "not an absolute path");
  }
  /* By way of its directory's descriptor, as sun_path takes only 107 bytes. */
  int directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail("open", parent);
  int n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d%s", directory, name);
  if (n < 0 || (size_t)n >= sizeof address.sun_path) fail_with(ENAMETOOLONG, "bind", path, "the name is too long");
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) fail("socket", path);
  unlink(path);
  mode_t mask = umask(0177);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind", path);
  umask(mask);
  close(directory);
  if (listen(listener, 64) != 0) fail("listen", path);
}

static void drop(struct client *client) {
  close(client->fd);
  client->ended = true;
}

/* Removes the ended ones; not while a loop goes over them. */
static void sweep(void) {
  int kept = 0;
  for (int i = 0; i < client_count; i++) {
    if (clients[i].ended) continue;
    if (kept != i) clients[kept] = clients[i];
    kept++;
  }
  client_count = kept;
}

void clients_watch(struct poller *poller) {
  listener_place = poller_add(poller, listener, POLLIN);
  bool pending = false;
  for (int i = 0; i < client_count; i++) {
    struct client *client = &clients[i];
    int events = client->output_length > 0 ? POLLOUT : 0;
    if (client->input_length < sizeof client->input) events |= POLLIN;
    client->place = poller_add(poller, client->fd, events);
    pending = pending || (client->console && client->input_length > 0);
  }
  master_place = poller_add(poller, pending ? last_master : -1, POLLOUT);
}

static void flush_output(struct client *client) {
  if (client->ended || client->output_length == 0) return;
  ssize_t n = send(client->fd, client->output, client->output_length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (n > 0) {
    client->output_length -= (size_t)n;
    memmove(client->output, client->output + n, client->output_length);
    client->stalled_since_ms = 0;
  } else if (errno != EAGAIN && errno != EINTR) {
    drop(client);
    return;
  }
  if (client->output_length > 0 && client->stalled_since_ms == 0) client->stalled_since_ms = passed_ms();
}

static void answer(struct client *client, const char *text, size_t length) {
  if (client->ended) return;
  if (length > sizeof client->output - client->output_length) {
    drop(client);
    return;
  }
  memcpy(client->output + client->output_length, text, length);
  client->output_length += length;
  flush_output(client);
}

static bool is_full(bool of_consoles) {
  int count = 0;
  for (int i = 0; i < client_count; i++) {
    if (!clients[i].ended && (of_consoles ? clients[i].console : clients[i].waits)) count++;
  }
  return count >= (of_consoles ? MAX_CONSOLES : MAX_WAITING);
}

static void answer_status(struct client *client, const struct clients_target *target) {
  char line[192];
  int n =
      snprintf(line, sizeof line,
               "{\"event\":\"status\",\"pid\":%d,\"monitorPid\":%d,\"startedAtMs\":%lld,\"console\":%s,\"clients\":%d,"
               "\"isConsoleBusy\":%s}\n",
               target->pid, (int)getpid(), target->started_at_ms, target->master >= 0 ? "true" : "false", client_count,
               is_full(true) ? "true" : "false");
  answer(client, line, (size_t)n);
}

static void answer_result(struct client *client, bool done) {
  char line[32];
  int n = done ? snprintf(line, sizeof line, "ok\n") : snprintf(line, sizeof line, "error %d\n", errno);
  answer(client, line, (size_t)n);
}

static bool set_size(int master, const char *arguments) {
  unsigned rows;
  unsigned columns;
  if (sscanf(arguments, "%u %u", &rows, &columns) != 2 || rows > USHRT_MAX || columns > USHRT_MAX) {
    errno = EINVAL;
    return false;
  }
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  return ioctl(master, TIOCSWINSZ, &size) == 0;
}

static void refuse(struct client *client) {
  static const char line[] = "busy\n";
  answer(client, line, sizeof line - 1);
  if (!client->ended) drop(client);
}

static void stay(struct client *client, bool as_console) {
  bool *flag = as_console ? &client->console : &client->waits;
  if (!*flag && is_full(as_console)) {
    refuse(client);
  } else {
    *flag = true;
  }
}

/* From here on the connection is not a client's. A caller that has said more by now is done already. */
static void guard(struct client *client, const char *group, bool is_done) {
  if (is_done) {
    drop(client);
  } else if (guards_take(client->fd, group)) {
    client->ended = true;
  } else {
    refuse(client);
  }
}

static void command(struct client *client, const char *line, struct clients_target *target) {
  if (strcmp(line, "wait") == 0) {
    stay(client, false);
  } else if (strcmp(line, "console") == 0) {
    stay(client, true);
  } else if (strcmp(line, "go") == 0 && target->held) {
    client->starts = target->go = true;
  } else if (strcmp(line, "status") == 0) {
    answer_status(client, target);
  } else if (strncmp(line, "signal ", 7) == 0) {
    answer_result(client, tz_pidfd_send_signal(target->pidfd, atoi(line + 7)) == 0);
  } else if (strncmp(line, "winsize ", 8) == 0) {
    answer_result(client, set_size(target->master, line + 8));
  } else {
    errno = EINVAL;
    answer_result(client, false);
  }
}

static void eat(struct client *client, size_t length) {
  client->input_length -= length;
  memmove(client->input, client->input + length, client->input_length);
}

static void use_input(struct client *client, struct clients_target *target) {
  while (!client->ended && !client->console && client->input_length > 0) {
    char *newline = memchr(client->input, '\n', client->input_length);
    if (newline == NULL) {
      if (client->input_length == sizeof client->input) drop(client);
      return;
    }
    *newline = '\0';
    size_t length = (size_t)(newline - client->input) + 1;
    if (strncmp(client->input, "guard ", 6) == 0) {
      guard(client, client->input + 6, length < client->input_length);
    } else {
      command(client, client->input, target);
    }
    eat(client, length);
  }
  if (client->ended || client->input_length == 0 || target->master < 0) return;
  ssize_t n = write(target->master, client->input, client->input_length);
  if (n > 0) eat(client, (size_t)n);
}

static void read_input(struct client *client) {
  size_t room = sizeof client->input - client->input_length;
  if (room == 0) return;
  ssize_t n = recv(client->fd, client->input + client->input_length, room, MSG_DONTWAIT);
  if (n > 0) {
    client->input_length += (size_t)n;
  } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
    drop(client);
  }
}

/* At the cost of the oldest of those that have asked for nothing, or have their answer. */
static void make_room(void) {
  sweep();
  for (int i = 0; i < client_count && client_count == MAX_CLIENTS; i++) {
    if (clients[i].waits || clients[i].console) continue;
    refuse(&clients[i]);
    sweep();
  }
}

static void accept_clients(struct clients_target *target) {
  for (int i = 0; i < MAX_CLIENTS; i++) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    make_room();
    struct client *client = &clients[client_count++];
    client->fd = fd;
    client->waits = client->console = client->starts = client->ended = false;
    client->place = -1;
    client->input_length = client->output_length = 0;
    client->stalled_since_ms = 0;
    /* At once: what was asked for before `go` has to be known before `go` is acted on. */
    read_input(client);
    use_input(client, target);
  }
}

void clients_work(const struct poller *poller, struct clients_target *target) {
  last_master = target->master;
  for (int i = 0; i < client_count; i++) {
    struct client *client = &clients[i];
    int got = poller_got(poller, client->place);
    if ((got & POLLOUT) != 0) flush_output(client);
    if (!client->ended && (got & POLLIN) != 0) read_input(client);
    bool may_type = (got & POLLIN) != 0 || poller_got(poller, master_place) != 0;
    if (!client->ended && may_type) use_input(client, target);
    if (!client->ended && client->stalled_since_ms != 0 && passed_ms() - client->stalled_since_ms > PATIENCE_MS)
      drop(client);
  }
  sweep();
  if (poller_got(poller, listener_place) != 0) accept_clients(target);
  sweep();
}

bool clients_have_room(void) {
  for (int i = 0; i < client_count; i++) {
    if (clients[i].console && OUTPUT_BYTES - clients[i].output_length < CONSOLE_CHUNK) return false;
  }
  return true;
}

int clients_timeout(void) {
  for (int i = 0; i < client_count; i++) {
    if (clients[i].stalled_since_ms != 0) return PATIENCE_MS / 10;
  }
  return -1;
}

void clients_settle(int patience_ms) {
  for (long long end = passed_ms() + patience_ms;;) {
    struct poller poller;
    poller.count = 0;
    for (int i = 0; i < client_count; i++) {
      struct client *client = &clients[i];
      client->place = client->ended || client->output_length == 0 ? -1 : poller_add(&poller, client->fd, POLLOUT);
    }
    long long left = end - passed_ms();
    if (poller.count == 0 || left <= 0) return;
    poller_wait(&poller, (int)left);
    for (int i = 0; i < client_count; i++) {
      if (poller_got(&poller, clients[i].place) != 0) flush_output(&clients[i]);
    }
  }
}

void clients_console(const char *bytes, size_t length) {
  for (int i = 0; i < client_count; i++) {
    if (clients[i].console && !clients[i].ended) answer(&clients[i], bytes, length);
  }
}

void clients_notify(const char *line) {
  for (int i = 0; i < client_count; i++) {
    if (clients[i].waits) answer(&clients[i], line, strlen(line));
  }
}

void clients_started(void) {
  for (int i = 0; i < client_count; i++) {
    if (clients[i].starts) answer_result(&clients[i], true);
    clients[i].starts = false;
  }
}

void clients_close(void) {
  for (int i = 0; i < client_count; i++) {
    if (!clients[i].ended) close(clients[i].fd);
  }
  client_count = 0;
  if (listener >= 0) close(listener);
  listener = -1;
}
