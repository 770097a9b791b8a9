/* kill and ps, see entry_look.h. */
#include "entry_look.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "group.h"

/* 15, TERM or SIGTERM; 0 for anything that node may know. */
static int signal_number(const char *text) {
  static const struct {
    const char *name;
    int number;
  } names[] = {
      {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"KILL", SIGKILL}, {"USR1", SIGUSR1},
      {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"WINCH", SIGWINCH},
  };
  if (*text >= '1' && *text <= '9' && strlen(text) <= 2 && strspn(text, "0123456789") == strlen(text)) {
    int number = atoi(text);
    return number <= 64 ? number : 0;
  }
  if (strncmp(text, "SIG", 3) == 0) text += 3;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(names[i].name, text) == 0) return names[i].number;
  }
  return 0;
}

int look_kill(const struct form *form, const struct entry_record *record) {
  int number = signal_number(form->given[FLAG_SIGNAL] ? form->value[FLAG_SIGNAL] : "KILL");
  int target = number == 0 ? -1 : entry_record_target(record);
  if (target < 0) return -1;
  /* One that has ended meanwhile is as good as one that was sent it. */
  if (tz_pidfd_send_signal(target, number) != 0 && errno != ESRCH) return -1;
  if (form->given[FLAG_QUIET]) {
    printf("%s\n", form->zone);
  } else {
    printf("zone \"%s\" was sent signal %d\n", form->zone, number);
  }
  fflush(stdout);
  return 0;
}

struct member {
  int host_pid;
  int pid;
};

static struct member *members;
static int count;
static int size;

/* The last number of the line NSpid of /proc/PID/status; -1 if the process has ended. */
static int innermost_pid(int host_pid) {
  char path[40];
  char line[512];
  int pid = -1;
  snprintf(path, sizeof path, "/proc/%d/status", host_pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return -1;
  while (pid < 0 && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "NSpid:", 6) == 0) pid = atoi(strrchr(line, '\t') + 1);
  }
  fclose(file);
  return pid;
}

/* A 0 is a process of another pid namespace, which cannot be named here. */
static void add_member(int host_pid) {
  if (host_pid <= 0) return;
  for (int i = 0; i < count; i++) {
    if (members[i].host_pid == host_pid) return;
  }
  if (count == size) {
    size = size == 0 ? 256 : 2 * size;
    struct member *grown = realloc(members, (size_t)size * sizeof *members);
    if (grown == NULL) abort();
    members = grown;
  }
  int pid = innermost_pid(host_pid);
  if (pid >= 0) members[count++] = (struct member){host_pid, pid};
}

static int compare(const void *left, const void *right) {
  const struct member *a = left;
  const struct member *b = right;
  return (a->pid > b->pid) - (a->pid < b->pid);
}

int look_ps(const struct entry_record *record) {
  if (entry_record_target(record) < 0) return -1;
  group_members(record->group, add_member);
  qsort(members, (size_t)count, sizeof *members, compare);
  for (int i = 0; i < count; i++) printf("%d\n", members[i].pid);
  fflush(stdout);
  return 0;
}
