/* Ends as node on one bundled file, see handover.h. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int count;
static char **words;
static sigset_t mask;
static struct sigaction on_pipe;

enum { RECORD_BYTES = 8192, RECORD_WORDS = 32 };

void handover_prepare(int argc, char **argv) {
  count = argc;
  words = argv;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigaction(SIGPIPE, NULL, &on_pipe);
}

/* The package's directory: this program is in its bin or in its native/build. */
static bool find_package(char *path) {
  ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);
  if (length <= 0) return false;
  path[length] = '\0';
  static const char build[] = "/native/build/";
  for (int up = 0; up < 2; up++) {
    char *slash = strrchr(path, '/');
    if (slash == NULL) return false;
    slash[1] = '\0';
    size_t left = strlen(path);
    if (up == 0 && left >= sizeof build && strcmp(path + left - (sizeof build - 1), build) == 0) {
      path[left - (sizeof build - 1)] = '\0';
      return true;
    }
    *slash = '\0';
  }
  return true;
}

/* The program and its options, NUL-terminated words that scripts/build-native.mjs wrote; just `node` without them. */
static int read_command(const char *package, char *record, char **argv) {
  char path[PATH_MAX];
  static char fallback[] = "node";
  argv[0] = fallback;
  if (snprintf(path, sizeof path, "%s/native/build/command", package) >= PATH_MAX) return 1;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : read(fd, record, RECORD_BYTES);
  if (fd >= 0) close(fd);
  if (length <= 0 || record[length - 1] != '\0') return 1;
  int found = 0;
  for (char *word = record; word < record + length && found < RECORD_WORDS; word += strlen(word) + 1) {
    argv[found++] = word;
  }
  return found;
}

/* It costs each start of node 38 ms; only what downloads has a use for it. */
static bool may_download(void) {
  static const char *const verbs[] = {"image", "create", "run", "launch"};
  for (int at = 1; at < count; at++) {
    if (*words[at] == '-') continue;
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
      if (strcmp(words[at], verbs[i]) == 0) return true;
    }
  }
  return false;
}

static void drop_certificates(void) {
  static const char name[] = "NODE_EXTRA_CA_CERTS=";
  char **to = environ;
  for (char **from = environ; *from != NULL; from++) {
    if (strncmp(*from, name, sizeof name - 1) != 0) *to++ = *from;
  }
  *to = NULL;
}

_Noreturn static void give_up(const char *program) {
  bool passes_status = count > 1 && (strcmp(words[1], "exec") == 0 || strcmp(words[1], "run") == 0 ||
                                     strcmp(words[1], "shell") == 0 || strcmp(words[1], "enter") == 0);
  fprintf(stderr, "error: tszone cannot start \"%s\": %s\nhint: Install Node.js 20.19 or newer.\n", program,
          strerror(errno));
  _exit(passes_status ? 125 : 5);
}

_Noreturn void hand_over(void) {
  static char package[PATH_MAX];
  static char record[RECORD_BYTES];
  static char script[PATH_MAX + 32];
  sigaction(SIGPIPE, &on_pipe, NULL);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  char **argv = calloc((size_t)count + RECORD_WORDS + 2, sizeof *argv);
  if (argv == NULL || !find_package(package)) give_up("node");
  int at = read_command(package, record, argv);
  snprintf(script, sizeof script, "%s/bin/tszone.js", package);
  argv[at++] = script;
  for (int i = 1; i < count; i++) argv[at++] = words[i];
  if (!may_download()) drop_certificates();
  execve(argv[0], argv, environ);
  static char fallback[] = "node";
  argv[0] = fallback;
  execvp(fallback, argv);
  give_up(fallback);
}
