/* What it costs that the helper runs from a read-only mount: guard HELPER ROUNDS prints the least microseconds of starting it until it
 * has refused an empty plan: from a read-only mount, where it need not make one, and from where it lies. By turns, the mount in a mount
 * namespace of this program's own. gcc -O2 -o /tmp/guard bench/guard.c && /tmp/guard native/build/tszone-helper 1500 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double cost(char *helper, posix_spawn_file_actions_t *files) {
  char *argv[] = {helper, "enter", NULL};
  pid_t pid;
  int status;
  double start = now();
  if (posix_spawn(&pid, helper, files, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) != pid) exit(2);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 125) return now() - start;
  fprintf(stderr, "%s: status %#x\n", helper, status);
  exit(2);
}

static double smaller(double a, double b) {
  return a < b ? a : b;
}

int main(int argc, char **argv) {
  int rounds = argc > 2 ? atoi(argv[2]) : 0;
  if (rounds <= 0) return 2;
  char *usual = realpath(argv[1], NULL), *directory = dirname(strdup(usual));
  char place[] = "/tmp/guard-XXXXXX", guarded[64];
  if (mkdtemp(place) == NULL || unshare(CLONE_NEWNS) != 0) return 2;
  mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  if (mount(directory, place, NULL, MS_BIND, NULL) != 0) return 2;
  if (mount(NULL, place, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) return 2;
  snprintf(guarded, sizeof guarded, "%s/%s", place, strrchr(usual, '/') + 1);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (int fd = 3; fd <= 4; fd++) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  double least[2] = {1e9, 1e9};
  for (int i = 0; i < rounds; i++) {
    least[0] = smaller(least[0], cost(guarded, &files));
    least[1] = smaller(least[1], cost(usual, &files));
  }
  umount2(place, MNT_DETACH);
  rmdir(place);
  printf("%.0f %.0f\n", least[0], least[1]);
  return 0;
}
