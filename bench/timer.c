/* Times whole commands, interleaved, as a shell would start them: posix_spawn to waitpid on the monotonic clock.
 *
 *   timer ROUNDS WARMUP PAUSE_MS <plan >samples
 *
 * The plan is NUL-separated: a step is  KIND GROUP LABEL STATUS n ENV... n ARG...  The steps of a group run in their
 * order; each round begins with another group. Kinds: t timed; u not timed; p together with the p steps of the same
 * label that follow it, one time for all; a attached to a terminal of its own, timed to the first byte that comes, then
 * detached by the keys in STATUS. STATUS is what the command must exit with, - for anything. A sample is "ROUND LABEL
 * NANOSECONDS CPU": the second is the CPU time, in nanoseconds, of the command and of all that was waited for in it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct step {
  char kind;
  int group;
  const char *label, *status;
  char **env, **argv;
};

static struct step *steps;
static int step_count, group_count;
static int messages; /* what the running command says on stderr */
static int64_t cpu;

static _Noreturn void die(const char *what) {
  perror(what);
  exit(1);
}

static char *read_all(size_t *length) {
  size_t room = 1 << 16;
  char *text = malloc(room);
  ssize_t n;
  for (*length = 0; text != NULL && (n = read(0, text + *length, room - *length)) > 0;) {
    *length += (size_t)n;
    if (*length == room) text = realloc(text, room *= 2);
  }
  if (text == NULL) die("plan");
  return text;
}

static char *next(char **at, const char *end) {
  char *token = *at;
  if (token >= end) die("the plan ends within a step");
  *at += strlen(token) + 1;
  return token;
}

/* A counted list of tokens behind the n strings of first. */
static char **list(char **at, const char *end, char **first) {
  int given = 0, count = atoi(next(at, end));
  while (first != NULL && first[given] != NULL) given++;
  char **all = calloc((size_t)(given + count) + 1, sizeof *all);
  if (all == NULL) die("calloc");
  for (int i = 0; i < given; i++) all[count + i] = first[i]; /* getenv finds the step's own first */
  for (int i = 0; i < count; i++) all[i] = next(at, end);
  return all;
}

static void read_plan(void) {
  size_t length;
  char *at = read_all(&length);
  const char *end = at + length;
  while (at < end) {
    steps = realloc(steps, sizeof *steps * (size_t)(step_count + 1));
    struct step *step = steps == NULL ? NULL : &steps[step_count++];
    if (step == NULL) die("realloc");
    step->kind = *next(&at, end);
    step->group = atoi(next(&at, end));
    step->label = next(&at, end);
    step->status = next(&at, end);
    step->env = list(&at, end, environ);
    step->argv = list(&at, end, NULL);
    if (step->group >= group_count) group_count = step->group + 1;
  }
}

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* terminal: path of what becomes stdin and stdout of a session of its own, or NULL. */
static pid_t start(const struct step *step, const char *terminal) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  pid_t pid;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, 0, terminal == NULL ? "/dev/null" : terminal, O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&files, 0, 1);
  posix_spawn_file_actions_adddup2(&files, messages, 2);
  if (terminal != NULL) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  errno = posix_spawnp(&pid, step->argv[0], &files, &attributes, step->argv, step->env);
  if (errno != 0) die(step->argv[0]);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

static _Noreturn void complain(const struct step *step, const char *what, pid_t pid) {
  if (pid > 0) kill(pid, SIGKILL);
  char text[2048];
  ssize_t n = pread(messages, text, sizeof text, 0);
  fprintf(stderr, "%s:", step->label);
  for (char **word = step->argv; *word != NULL; word++) fprintf(stderr, " %s", *word);
  fprintf(stderr, ": %s\n%.*s\n", what, n > 0 ? (int)n : 0, text);
  exit(1);
}

static int64_t nanoseconds(struct timeval t) {
  return (int64_t)t.tv_sec * 1000000000 + t.tv_usec * 1000;
}

/* What was attached may end with anything: some tools report how they were detached. */
static void finish(const struct step *step, pid_t pid) {
  int status;
  struct rusage usage;
  if (wait4(pid, &status, 0, &usage) != pid) die("wait4");
  cpu += nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
  int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (step->kind == 'a' || step->status[0] == '-' || atoi(step->status) == result) return;
  char text[64];
  snprintf(text, sizeof text, "status %d, not %.8s", result, step->status);
  complain(step, text, 0);
}

static int64_t attach(const struct step *step, int64_t from) {
  int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) die("posix_openpt");
  pid_t pid = start(step, ptsname(terminal));
  struct pollfd ready = {.fd = terminal, .events = POLLIN};
  char rest[4096];
  if (poll(&ready, 1, 10000) != 1 || read(terminal, rest, 1) != 1) complain(step, "nothing came", pid);
  int64_t taken = now() - from, next = from + taken;
  const char *key = step->status;
  for (siginfo_t ended = {0}; ended.si_pid != pid;) {
    if (now() - from > 10000000000) complain(step, "does not detach", pid);
    /* One at a time, again after a while: some look for a key only in a read of one byte. */
    if (now() >= next && *key != '\0' && write(terminal, key++, 1) == 1)
      next = now() + (*key == '\0' ? 300 : 20) * 1000000LL;
    if (now() >= next) key = step->status;
    if (poll(&ready, 1, 1) == 1 && read(terminal, rest, sizeof rest) <= 0) ready.fd = -1;
    if (waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOWAIT | WNOHANG) != 0) die("waitid");
  }
  finish(step, pid);
  close(terminal);
  return taken;
}

/* Runs the step at index, and those that belong together with it; returns how many. */
static int run(int index, int64_t *taken) {
  const struct step *step = &steps[index];
  int count = 1;
  if (ftruncate(messages, 0) != 0 || lseek(messages, 0, SEEK_SET) != 0) die("messages");
  if (step->kind == 'p')
    while (index + count < step_count && step[count].kind == 'p' && strcmp(step[count].label, step->label) == 0)
      count++;
  pid_t *pids = calloc((size_t)count, sizeof *pids);
  if (pids == NULL) die("calloc");
  int64_t from = now();
  if (step->kind == 'a') *taken = attach(step, from);
  for (int i = 0; i < count && step->kind != 'a'; i++) pids[i] = start(&step[i], NULL);
  for (int i = 0; i < count && step->kind != 'a'; i++) finish(&step[i], pids[i]);
  if (step->kind != 'a') *taken = now() - from;
  free(pids);
  return count;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int rounds = atoi(argv[1]), warmup = atoi(argv[2]), pause = atoi(argv[3]);
  const struct timespec rest = {pause / 1000, pause % 1000 * 1000000L};
  messages = memfd_create("messages", MFD_CLOEXEC);
  if (messages < 0) die("memfd_create");
  read_plan();
  for (int round = -warmup; round < rounds; round++) {
    for (int turn = 0; turn < group_count; turn++) {
      int group = (turn + round + warmup) % group_count;
      for (int i = 0; i < step_count;) {
        if (steps[i].group != group && ++i) continue;
        const struct step *step = &steps[i];
        int64_t taken = 0;
        cpu = 0;
        if (step->kind != 'u') nanosleep(&rest, NULL);
        i += run(i, &taken);
        if (round >= 0 && step->kind != 'u')
          printf("%d\t%s\t%lld\t%lld\n", round, step->label, (long long)taken, (long long)cpu);
      }
    }
    fflush(stdout);
  }
  return 0;
}
