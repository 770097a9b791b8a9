/* tamper RULE... -- PROGRAM ARGS: runs the program and all that it starts with some of its system calls dropped or changed, so that
 * a test sees what a protection is worth, in the very program that is shipped.
 *
 *   skip NR [ARG=VALUE]   not done, answers 0
 *   clear NR ARG BITS     without these bits of an argument
 *   private NR            mount_setattr: nothing is said about propagation
 *   naive PREFIX          openat2 of a path with the prefix: relative to its directory, with no care for links
 *   follow PREFIX         openat2 of a path with the prefix: with no care for links
 *   magic NUMBER          fstatfs says this file system type of a tmpfs
 *   readonly              fstatfs says read-only
 *   regular               fstat says that directories are files
 *   pause NR MS           waits before it
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_RULES = 16, NAME_BYTES = 256 };
enum kind { SKIP, CLEAR, PRIVATE, NAIVE, FOLLOW, MAGIC, READONLY, REGULAR, PAUSE };

struct rule {
  enum kind kind;
  long number;
  int argument; /* -1: any */
  unsigned long long value;
  const char *prefix;
};

static struct rule rules[MAX_RULES];
static int count;

static _Noreturn void die(const char *what) {
  fprintf(stderr, "tamper: %s: %s\n", what, strerror(errno));
  exit(125);
}

static const char *next(char ***words) {
  if (**words == NULL) die("a rule ends early");
  return *(*words)++;
}

static void parse_rule(char ***words) {
  static const char *const names[] = {"skip",  "clear",    "private", "naive", "follow",
                                      "magic", "readonly", "regular", "pause"};
  const char *name = next(words);
  struct rule *rule = &rules[count++];
  if (count == MAX_RULES) die("too many rules");
  *rule = (struct rule){.argument = -1};
  while (rule->kind <= PAUSE && strcmp(names[rule->kind], name) != 0) rule->kind++;
  switch (rule->kind) {
  case SKIP:
    rule->number = atol(next(words));
    if (**words != NULL && strchr(**words, '=') != NULL) {
      sscanf(next(words), "%d=%llu", &rule->argument, &rule->value);
    }
    return;
  case CLEAR:
    rule->number = atol(next(words));
    rule->argument = atoi(next(words));
    rule->value = strtoull(next(words), NULL, 0);
    return;
  case PRIVATE:
    rule->number = SYS_mount_setattr;
    return;
  case NAIVE:
  case FOLLOW:
    rule->number = SYS_openat2;
    rule->prefix = next(words);
    return;
  case MAGIC:
    rule->value = strtoull(next(words), NULL, 0);
    rule->number = SYS_fstatfs;
    return;
  case READONLY:
    rule->number = SYS_fstatfs;
    return;
  case REGULAR:
    rule->number = SYS_fstat;
    return;
  case PAUSE:
    rule->number = atol(next(words));
    rule->value = strtoull(next(words), NULL, 0);
    return;
  }
  die(name);
}

/* Only what a rule is about stops the program. */
static void filter(void) {
  struct sock_filter code[2 * MAX_RULES + 2];
  unsigned short n = 0;
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (int i = 0; i < count; i++) {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)rules[i].number, 0, 1);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {n, code};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) die("seccomp");
}

static unsigned long long *argument_of(struct user_regs_struct *regs, int n) {
  unsigned long long *all[] = {&regs->rdi, &regs->rsi, &regs->rdx, &regs->r10, &regs->r8, &regs->r9};
  return all[n];
}

static void peek(pid_t pid, unsigned long long from, void *to, size_t size) {
  struct iovec here = {to, size}, there = {(void *)from, size};
  if (process_vm_readv(pid, &here, 1, &there, 1, 0) < 0) die("read");
}

static void poke(pid_t pid, unsigned long long to, const void *from, size_t size) {
  struct iovec here = {(void *)(size_t)from, size}, there = {(void *)to, size};
  if (process_vm_writev(pid, &here, 1, &there, 1, 0) < 0) die("write");
}

static bool path_begins(pid_t pid, unsigned long long at, const char *prefix) {
  char path[NAME_BYTES] = "";
  size_t length = strlen(prefix);
  peek(pid, at, path, length);
  return strncmp(path, prefix, length) == 0;
}

static void open_badly(pid_t pid, struct user_regs_struct *regs, const struct rule *rule) {
  struct open_how how;
  if (!path_begins(pid, regs->rsi, rule->prefix)) return;
  peek(pid, regs->rdx, &how, sizeof how);
  how.resolve = 0;
  poke(pid, regs->rdx, &how, sizeof how);
  char first = '/';
  while (rule->kind == NAIVE && (peek(pid, regs->rsi, &first, 1), first == '/')) regs->rsi++;
}

/* Returns whether the end of the call matters, too. */
static bool apply(pid_t pid, struct user_regs_struct *regs, const struct rule *rule) {
  struct mount_attr attr;
  switch (rule->kind) {
  case SKIP:
    if (rule->argument >= 0 && *argument_of(regs, rule->argument) != rule->value) return false;
    regs->orig_rax = (unsigned long long)-1;
    regs->rax = 0;
    return false;
  case CLEAR:
    *argument_of(regs, rule->argument) &= ~rule->value;
    return false;
  case PRIVATE:
    peek(pid, regs->r10, &attr, sizeof attr);
    attr.propagation = 0;
    poke(pid, regs->r10, &attr, sizeof attr);
    return false;
  case NAIVE:
  case FOLLOW:
    open_badly(pid, regs, rule);
    return false;
  case PAUSE:
    usleep((unsigned)rule->value * 1000);
    return false;
  case MAGIC:
  case READONLY:
  case REGULAR:
    return true;
  }
  return false;
}

static bool begin_call(pid_t pid) {
  struct user_regs_struct regs;
  bool wait = false;
  if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0) return false;
  long number = (long)regs.orig_rax;
  for (int i = 0; i < count; i++) {
    if (rules[i].number == number && apply(pid, &regs, &rules[i])) wait = true;
  }
  ptrace(PTRACE_SETREGS, pid, 0, &regs);
  return wait;
}

static void end_stat(pid_t pid, unsigned long long at) {
  struct stat info;
  peek(pid, at, &info, sizeof info);
  if (S_ISDIR(info.st_mode)) info.st_mode = (info.st_mode & 07777) | S_IFREG;
  poke(pid, at, &info, sizeof info);
}

static void end_call(pid_t pid) {
  struct user_regs_struct regs;
  struct statfs info;
  if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0 || regs.rax != 0) return;
  if (regs.orig_rax == SYS_fstat) end_stat(pid, regs.rsi);
  if (regs.orig_rax != SYS_fstatfs) return;
  peek(pid, regs.rsi, &info, sizeof info);
  for (int i = 0; i < count; i++) {
    if (rules[i].kind == MAGIC && info.f_type == TMPFS_MAGIC) info.f_type = (long)rules[i].value;
    if (rules[i].kind == READONLY) info.f_flags |= 0x20 | MS_RDONLY;
  }
  poke(pid, regs.rsi, &info, sizeof info);
}

/* The first child's end is ours; what it leaves behind is let go. */
static int follow(pid_t first) {
  int status;
  for (;;) {
    pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0) return 125;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid == first) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      continue;
    }
    int number = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) {
      ptrace(begin_call(pid) ? PTRACE_SYSCALL : PTRACE_CONT, pid, 0, 0);
    } else if (number == (SIGTRAP | 0x80)) {
      end_call(pid);
      ptrace(PTRACE_CONT, pid, 0, 0);
    } else {
      bool ours = event != 0 || number == SIGSTOP;
      ptrace(PTRACE_CONT, pid, 0, ours ? 0 : number);
    }
  }
}

int main(int argc, char **argv) {
  char **words = argv + 1;
  (void)argc;
  while (*words != NULL && strcmp(*words, "--") != 0) parse_rule(&words);
  if (*words == NULL || words[1] == NULL) die("no program");
  pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) die("traceme");
    raise(SIGSTOP);
    filter();
    execv(words[1], words + 1);
    die(words[1]);
  }
  int status;
  waitpid(child, &status, 0);
  long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                 PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SETOPTIONS, child, 0, options) != 0) die("options");
  ptrace(PTRACE_CONT, child, 0, 0);
  /* The program's own are the helper's to answer. */
  for (int fd = 0; fd <= 4; fd++) close(fd);
  signal(SIGTERM, SIG_IGN);
  return follow(child);
}
