/* Events on fd 4 and the way to die, see report.h. */
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *current_step = "start";
static int current_op = -1;
static int failure_socket = -1;
static void (*failure_hook)(void);

void report_step(const char *step, int op) {
  current_step = step;
  current_op = op;
}

void report_to_socket(int socket) {
  failure_socket = socket;
}

void report_on_failure(void (*clean_up)(void)) {
  failure_hook = clean_up;
}

size_t json_string(char *buffer, size_t size, size_t length, const char *text) {
  for (const unsigned char *c = (const unsigned char *)text; *c != '\0' && length + 8 < size; c++) {
    if (*c == '"' || *c == '\\') {
      buffer[length++] = '\\';
      buffer[length++] = (char)*c;
    } else if (*c < 0x20 || *c == 0x7f) {
      length += (size_t)snprintf(buffer + length, size - length, "\\u%04x", *c);
    } else {
      buffer[length++] = (char)*c;
    }
  }
  buffer[length] = '\0';
  return length;
}

/* fd 4 may be gone (node left) or slow; an event never stops a zone. */
static void send_line(const char *line, size_t length) {
  while (length > 0) {
    ssize_t n = write(EVENT_FD, line, length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    line += n;
    length -= (size_t)n;
  }
}

static void send_failure(const struct failure *f) {
  char line[3072];
  size_t n = (size_t)snprintf(line, sizeof line, "{\"event\":\"error\",\"step\":\"");
  n = json_string(line, sizeof line, n, f->step);
  n += (size_t)snprintf(line + n, sizeof line - n, "\",\"op\":%d,\"syscall\":\"", f->op);
  n = json_string(line, sizeof line, n, f->syscall);
  n += (size_t)snprintf(line + n, sizeof line - n, "\",\"errno\":%d,\"path\":\"", f->error);
  /* Worst case six characters a byte: the room for path and message is bounded by cutting, not by hoping. */
  n = json_string(line, 2048, n, f->path);
  n += (size_t)snprintf(line + n, sizeof line - n, "\",\"message\":\"");
  n = json_string(line, sizeof line - 8, n, f->message);
  n += (size_t)snprintf(line + n, sizeof line - n, "\"}\n");
  send_line(line, n);
}

static void (*failure_teller)(const struct failure *) = send_failure;

void report_failures_by(void (*tell)(const struct failure *failure)) {
  failure_teller = tell;
}

static void copy_text(char *to, size_t size, const char *from) {
  if (from == NULL) from = "";
  size_t length = strnlen(from, size - 1);
  memcpy(to, from, length);
  to[length] = '\0';
}

int exec_status(int error) {
  return error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

_Noreturn void fail_as(const struct failure *failure) {
  static bool failing;
  if (failure_socket >= 0) {
    send(failure_socket, failure, sizeof *failure, MSG_NOSIGNAL);
  } else if (!failing) {
    failing = true;
    if (failure_teller != NULL) failure_teller(failure);
    if (failure_hook != NULL) failure_hook();
  }
  _exit(failure->status);
}

_Noreturn void fail_with(int error, const char *syscall, const char *path, const char *message) {
  static struct failure failure;
  failure.op = current_op;
  failure.error = error;
  failure.status = strncmp(current_step, "exec.", 5) == 0 && error != 0 ? exec_status(error) : STATUS_FAILED;
  copy_text(failure.step, sizeof failure.step, current_step);
  copy_text(failure.syscall, sizeof failure.syscall, syscall);
  copy_text(failure.path, sizeof failure.path, path);
  copy_text(failure.message, sizeof failure.message, message);
  fail_as(&failure);
}

_Noreturn void fail(const char *syscall, const char *path) {
  int error = errno;
  fail_with(error, syscall, path, strerror(error));
}

void report_created(pid_t pid) {
  char line[96];
  int n =
      snprintf(line, sizeof line, "{\"event\":\"created\",\"pid\":%d,\"monitorPid\":%d}\n", (int)pid, (int)getpid());
  send_line(line, (size_t)n);
}

void report_held(void) {
  static const char line[] = "{\"event\":\"held\"}\n";
  send_line(line, sizeof line - 1);
}

void report_started(void) {
  static const char line[] = "{\"event\":\"started\"}\n";
  send_line(line, sizeof line - 1);
}

void report_exited(int status, int signal, long oom_kills) {
  char line[128];
  int n = snprintf(line, sizeof line, "{\"event\":\"exited\",\"status\":%d,\"signal\":%d,\"oomKills\":%ld}\n", status,
                   signal, oom_kills);
  send_line(line, (size_t)n);
}
