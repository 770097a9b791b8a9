/* peek: waits for processes of tszone's to come into sight before they have become the command, and tries to get at what they have, until there is
 * /tmp/enough. CVE-2016-9962 and CVE-2024-21626 were this. Prints "ready", "saw" at the first, and a line "got WHAT" for each success. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_helper(int pid) {
  char path[40], name[32] = "";
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fgets(name, sizeof name, file) == NULL) *name = '\0';
  fclose(file);
  /* Pid 1 is the zone's init, which may be looked at. */
  return pid != 1 && strncmp(name, "tszone", 6) == 0;
}

static void got(const char *what, const char *more) {
  printf("got %s %s\n", what, more);
  fflush(stdout);
}

static void try_link(int pid, const char *name) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0 || !is_helper(pid)) return;
  target[n] = '\0';
  got(name, target);
}

static void try_fds(int pid) {
  char name[16], path[64];
  for (int fd = 0; fd < 24; fd++) {
    snprintf(name, sizeof name, "fd/%d", fd);
    try_link(pid, name);
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int copy = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (copy >= 0 && is_helper(pid)) got("open", name);
    if (copy >= 0) close(copy);
  }
}

static void try_memory(int pid) {
  char path[64], line[512], byte;
  unsigned long address;
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL && sscanf(line, "%lx", &address) == 1) {
    struct iovec here = {&byte, 1}, there = {(void *)address, 1};
    if (process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 && is_helper(pid)) got("memory", line);
  }
  if (maps != NULL) fclose(maps);
}

static void try_one(int pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int memory = open(path, O_RDWR);
  if (memory >= 0 && is_helper(pid)) got("mem", "");
  if (memory >= 0) close(memory);
  try_memory(pid);
  try_link(pid, "cwd");
  try_link(pid, "root");
  try_link(pid, "exe");
  try_fds(pid);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  int stolen = pidfd < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, 3, 0);
  if (stolen >= 0 && is_helper(pid)) got("getfd", "3");
  /* By a process that ends at once: what has become the command meanwhile is let go. */
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 && is_helper(pid)) got("ptrace", "");
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

int main(void) {
  long seen = 0;
  say("ready");
  while (access("/tmp/enough", F_OK) != 0) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
      int pid = atoi(entry->d_name);
      if (pid <= 1 || pid == getpid() || !is_helper(pid)) continue;
      if (seen++ == 0) say("saw");
      try_one(pid);
    }
    if (proc != NULL) closedir(proc);
  }
  printf("seen %ld\n", seen);
  return 0;
}
