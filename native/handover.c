/* Ends as the warm engine says, or as node on one bundled file, see handover.h. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "handover_spawner.h"
#include "handover_verbs.h"

extern char **environ;

static int count;
static char **words;
static sigset_t mask;
static struct sigaction on_pipe;

enum { RECORD_BYTES = 8192, RECORD_WORDS = 8 };

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

/* Whether the file is still the one whose size and time (seconds) were written down: SIZE.TIME. */
static bool is_same(const char *path, const char *mark) {
  struct stat info;
  char now[64];
  if (stat(path, &info) != 0) return false;
  snprintf(now, sizeof now, "%lld.%lld", (long long)info.st_size, (long long)info.st_mtime);
  return strcmp(now, mark) == 0;
}

/* The snapshot's code is for those that are over soon, and do not compute. */
static bool lives_long(const char *verb) {
  static const char *const verbs[] = {"engine", "boot", "image", "logs"};
  return is_verb_of(verb, verbs, sizeof verbs / sizeof verbs[0]);
}

/* The same as in scripts/hot-verbs.mjs: of these there is a snapshot without the others, which starts sooner. */
static bool is_hot(const char *verb) {
  static const char *const verbs[] = {"run",    "create",  "start", "stop",   "restart", "delete",  "list",
                                      "status", "inspect", "exec",  "shell",  "kill",    "ps",      "wait",
                                      "get",    "set",     "pause", "resume", "claim",   "prepare", "on-exit"};
  return is_verb_of(verb, verbs, sizeof verbs / sizeof verbs[0]);
}

static int open_record(const char *package, const char *name) {
  static char path[PATH_MAX + 32];
  snprintf(path, sizeof path, "%s/native/build/%s", package, name);
  return open(path, O_RDONLY | O_CLOEXEC);
}

/* node reads a snapshot into large pieces of malloc's: of huge pages they are 3,000 page faults less. src/cli/huge-pages.ts
 * takes it back out of the environment, and knows it as ours because it is there twice. */
static void prefer_huge_pages(void) {
  setenv("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.hugetlb=1", 0);
}

/* What scripts/snapshot.mjs wrote: node, and if there is one its start-up snapshot, which no other node takes. `node` alone
 * without that. Returns how many words it has put into argv; the script is one of them, if one is needed. */
static int read_command(const char *package, const char *verb, char *record, char **argv) {
  static char path[PATH_MAX + 32];
  static char fallback[] = "node";
  static char option[] = "--snapshot-blob";
  static char dashes[] = "--";
  char *found[RECORD_WORDS];
  int words_found = 0;
  int fd = is_hot(verb) ? open_record(package, "command.hot") : -1;
  if (fd < 0) fd = open_record(package, "command");
  ssize_t length = fd < 0 ? 0 : read(fd, record, RECORD_BYTES);
  if (fd >= 0) close(fd);
  if (length > 0 && record[length - 1] == '\0') {
    for (char *word = record; word < record + length && words_found < RECORD_WORDS; word += strlen(word) + 1) {
      found[words_found++] = word;
    }
  }
  argv[0] = words_found > 0 ? found[0] : fallback;
  if (words_found >= 3 && !lives_long(verb) && is_same(found[0], found[1]) && access(found[2], R_OK) == 0) {
    int at = 1;
    for (int i = 3; i < words_found; i++) argv[at++] = found[i];
    argv[at++] = option;
    argv[at++] = found[2];
    /* What follows is not node's, whatever it looks like. */
    argv[at++] = dashes;
    prefer_huge_pages();
    return at;
  }
  snprintf(path, sizeof path, "%s/bin/tszone.js", package);
  argv[1] = path;
  return 2;
}

/* It costs each start of node 38 ms, and nothing of ours downloads by way of node. */
static void drop_certificates(void) {
  static const char name[] = "NODE_EXTRA_CA_CERTS=";
  char **to = environ;
  for (char **from = environ; *from != NULL; from++) {
    if (strncmp(*from, name, sizeof name - 1) != 0) *to++ = *from;
  }
  *to = NULL;
}

_Noreturn static void give_up(const char *program) {
  static const char *const passing[] = {"exec", "run", "launch", "shell", "enter", "console", "attach", "claim"};
  bool passes_status = is_verb_of(count > 1 ? words[1] : NULL, passing, sizeof passing / sizeof passing[0]);
  fprintf(stderr, "error: tszone cannot start \"%s\": %s\nhint: Install Node.js 20.19 or newer.\n", program,
          strerror(errno));
  _exit(passes_status ? 125 : 5);
}

static const char *variable(const char *name, const char *otherwise) {
  const char *value = getenv(name);
  return value == NULL || *value == '\0' ? otherwise : value;
}

/* Does not return if node can be started. */
static void run_node(int argc, char **arguments) {
  static char package[PATH_MAX];
  static char record[RECORD_BYTES];
  char **argv = calloc((size_t)argc + RECORD_WORDS + 2, sizeof *argv);
  if (argv == NULL || !find_package(package)) give_up("node");
  int at = read_command(package, argc > 0 ? arguments[0] : NULL, record, argv);
  for (int i = 0; i < argc; i++) argv[at++] = arguments[i];
  drop_certificates();
  handover_spawner(argc > 0 ? arguments[0] : NULL);
  execve(argv[0], argv, environ);
  /* That node is gone: another one, and it can only run the bundle. */
  static char fallback[] = "node";
  static char script[PATH_MAX + 32];
  snprintf(script, sizeof script, "%s/bin/tszone.js", package);
  argv[0] = fallback;
  argv[1] = script;
  for (int i = 0; i < argc; i++) argv[2 + i] = arguments[i];
  argv[2 + argc] = NULL;
  execvp(fallback, argv);
  give_up(fallback);
}

static void leave_terminal(void) {
  setsid();
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd <= 2 && null >= 0; fd++) dup2(null, fd);
}

/* For the next command: a process of its own, that leaves when nobody has asked for anything for a while. */
static void start_engine(void) {
  static char engine[] = "engine";
  static char idle[] = "--idle";
  static char time[] = "5m";
  char *argv[] = {engine, idle, time, NULL};
  if (fork() != 0) return;
  /* Nobody's child: its end is not this command's to wait for. */
  if (fork() != 0) _exit(0);
  leave_terminal();
  run_node(3, argv);
}

/* Ends this process if the engine did the command. */
static void try_engine(void) {
  const char *mode = variable("TSZONE_ENGINE", "on");
  if (strcmp(mode, "off") == 0 || count < 2 || strcmp(words[1], "engine") == 0) return;
  char socket[PATH_MAX];
  const char *run_root = variable("TSZONE_RUN_ROOT", "/run/tszone");
  if (snprintf(socket, sizeof socket, "%s/engine.sock", run_root) >= PATH_MAX) return;
  bool is_there = true;
  int status = client_run(socket, count, words, &is_there);
  if (status >= 0) _exit(status);
  if (!is_there && strcmp(mode, "auto") == 0) start_engine();
}

static void restore_signals(void) {
  sigaction(SIGPIPE, &on_pipe, NULL);
  sigprocmask(SIG_SETMASK, &mask, NULL);
}

_Noreturn void hand_over(void) {
  /* For an engine that is started here, and once more after what a client changes. */
  restore_signals();
  try_engine();
  restore_signals();
  run_node(count - 1, words + 1);
  _exit(125);
}
