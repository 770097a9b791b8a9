/* faults CASE N: does one thing that is right or wrong as N says; test/unit/helper/sanitize.test.ts knows which is
 * which. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not among those that a lane looks for. */
const char sanitize_reports[] = "/nowhere";

static char global[13];

static int stack(int n) {
  char bytes[20] = "";
  volatile char *at = bytes;
  at[n] = 1;
  return bytes[0];
}

static int heap(int n) {
  volatile char *bytes = malloc(21);
  bytes[n] = 1;
  return bytes[n];
}

static int grown(int n) {
  volatile char *bytes = realloc(malloc(4), 50);
  bytes[n] = 1;
  return bytes[n];
}

static int global_array(int n) {
  volatile char *bytes = global;
  bytes[n] = 1;
  return bytes[n];
}

static int freed(int n) {
  volatile char *bytes = malloc(21);
  if (n == 1) free((void *)(size_t)bytes);
  return bytes[3] & 0;
}

static int freed_twice(int n) {
  char *bytes = malloc(21);
  char *volatile again = bytes;
  free(bytes);
  if (n == 1) free(again);
  return 0;
}

static int filled(int n) {
  char *bytes = malloc(21);
  memset(bytes, 0, (size_t)n);
  return bytes[0];
}

static int received(int n) {
  char bytes[20];
  return (int)read(STDIN_FILENO, bytes, (size_t)n);
}

static int printed(int n) {
  char bytes[20];
  return snprintf(bytes, (size_t)n, "%d", n) & 0;
}

static int out_of_scope(int n) {
  char *volatile kept = global;
  if (n == 1) {
    char inner[10] = "";
    kept = inner;
  }
  return kept[0];
}

static int sum(int n) {
  volatile int most = 0x7fffffff;
  volatile int both = most + n;
  return both & 0;
}

static int of_alloca(int n) {
  volatile char *bytes = alloca((size_t)(n > 30 ? 30 : n) + 1);
  bytes[n] = 1;
  return bytes[n];
}

static int deep(int n) {
  volatile char bytes[300];
  for (int i = 0; i < 300; i++) bytes[i] = (char)i;
  return n == 0 ? 0 : deep(n - 1) + (bytes[n] & 0);
}

static _Noreturn void leave(void) {
  char bytes[100];
  memset(bytes, 1, sizeof bytes);
  _exit(bytes[3]);
}

/* The child's frames are not ours: nothing of them may be found wrong. */
static int borrowed(int n) {
  pid_t pid = vfork();
  if (pid == 0) leave();
  return deep(n);
}

static const struct {
  const char *name;
  int (*run)(int n);
} cases[] = {
    {"stack", stack},       {"heap", heap},
    {"grown", grown},       {"global", global_array},
    {"freed", freed},       {"freed-twice", freed_twice},
    {"filled", filled},     {"received", received},
    {"printed", printed},   {"out-of-scope", out_of_scope},
    {"sum", sum},           {"alloca", of_alloca},
    {"borrowed", borrowed},
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 3 && i < sizeof cases / sizeof cases[0]; i++) {
    if (strcmp(cases[i].name, argv[1]) == 0) return cases[i].run(atoi(argv[2])) < 0;
  }
  return 125;
}
