/* The floor: what a zone asks of the kernel, in the order that works, and nothing else. Nothing is decided here: paths,
 * values and programs are given. Static, so that its own start costs as little as a start can.
 *
 *   floor run  LOWER STATE BRIDGE GROUP... -- PROGRAM...   a zone's whole life; BRIDGE is an index, 0: no network
 *   floor exec PID GROUP... -- PROGRAM...                  a command in the namespaces of PID
 *
 * GROUP is  +DIR make it, and remove it at the end;  FILE=VALUE write;  @FILE join by writing 0. */
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "compat.h"

#define MUST(call) must_be(#call, (long)(call))
static long must_be(const char *call, long result) {
  if (result < 0) perror(call), _exit(125);
  return result;
}
static int joins[16], join_count, made_count;
static const char *made[16];
static void put(const char *path, const char *value) {
  int fd = (int)MUST(open(path, O_WRONLY | O_CLOEXEC));
  MUST(write(fd, value, strlen(value))), close(fd);
}

/* Returns what follows the --. */
static char **make_groups(char **arg) {
  for (; strcmp(*arg, "--") != 0; arg++) {
    char *value = strchr(*arg, '=');
    if (**arg == '+') MUST(mkdir(made[made_count++] = *arg + 1, 0755));
    if (**arg == '@') joins[join_count++] = (int)MUST(open(*arg + 1, O_WRONLY | O_CLOEXEC));
    if (value != NULL) *value = '\0', put(*arg, value + 1);
  }
  return arg + 1;
}

/* netlink in words of a little-endian machine: one datagram, whose last message asks for the ack. rtnetlink(7) */
static uint32_t nl[256], nl_length;
enum { UP = 1, NEW_LINK = 16, NEW_ADDRESS = 20, NEW_ROUTE = 24, REQUEST = 1 << 16, ACK = 5 << 16, CREATE = 6 << 24 };

static uint32_t nl_message(uint32_t type, int count, const uint32_t *header) {
  uint32_t at = nl_length;
  memcpy(nl + at, (uint32_t[]){0, type, 1, 0}, 16), memcpy(nl + at + 4, header, 4 * (size_t)count);
  nl_length += 4 + (uint32_t)count;
  return at;
}
static void nl_attribute(uint32_t type, const void *bytes, uint32_t length) {
  nl[nl_length] = type << 16 | (4 + length), memcpy(nl + nl_length + 1, bytes, length);
  nl_length += 1 + (length + 3) / 4;
}
/* The length of a message or, with its type above that, of a nest. */
static void nl_close(uint32_t at, uint32_t type) {
  nl[at] = type << 16 | (nl_length - at) * 4;
}
static void nl_send(void) {
  int32_t answer[64];
  int fd = (int)MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  MUST(send(fd, nl, nl_length * 4, 0)), MUST(recv(fd, answer, sizeof answer, 0)), close(fd);
  if (answer[4] != 0) errno = -answer[4], must_be("netlink", -1);
}

static void make_veth(int bridge, pid_t pid) {
  char name[16];
  int length = snprintf(name, sizeof name, "tzf%d", pid) + 1;
  uint32_t message = nl_message(NEW_LINK | CREATE | ACK, 4, (uint32_t[]){0, 0, UP, UP});
  nl_attribute(3, name, (uint32_t)length), nl_attribute(10, &bridge, 4);
  uint32_t info = nl_length++;
  nl_attribute(1, "veth", 4);
  uint32_t data = nl_length++, peer = nl_length++;
  memcpy(nl + nl_length, (uint32_t[]){0, 0, 0, 0}, 16), nl_length += 4;
  nl_attribute(3, "eth0", 5), nl_attribute(19, &pid, 4);
  nl_close(peer, 1), nl_close(data, 2), nl_close(info, 18), nl_close(message, 0), nl_send();
}

static void add_address(uint32_t eth0, uint32_t family, uint32_t prefix, const char *own, const char *gateway) {
  unsigned char bytes[16];
  uint32_t size = family == AF_INET ? 4 : 16, ack = family == AF_INET ? REQUEST : ACK;
  inet_pton((int)family, own, bytes);
  uint32_t at = nl_message(NEW_ADDRESS | CREATE | REQUEST, 2, (uint32_t[]){2U << 16 | prefix << 8 | family, eth0});
  nl_attribute(2, bytes, size), nl_attribute(1, bytes, size), nl_close(at, 0);
  inet_pton((int)family, gateway, bytes);
  at = nl_message(NEW_ROUTE | CREATE | ack, 3, (uint32_t[]){family, 1U << 24 | 3U << 8 | 254, 0});
  nl_attribute(5, bytes, size), nl_attribute(4, &eth0, 4), nl_close(at, 0);
}

static void configure_network(void) {
  uint32_t eth0 = if_nametoindex("eth0");
  nl_close(nl_message(NEW_LINK | REQUEST, 4, (uint32_t[]){0, 1, UP, UP}), 0);
  nl_close(nl_message(NEW_LINK | REQUEST, 4, (uint32_t[]){0, eth0, UP, UP}), 0);
  add_address(eth0, AF_INET, 16, "10.213.0.2", "10.213.0.1");
  add_address(eth0, AF_INET6, 64, "fd00:213::2", "fd00:213::1");
  nl_send();
}

static void make_root(const char *state, int lower, int upper) {
  static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
  static const char *const fixed[] = {"proc/sys", "proc/irq", "proc/bus", "proc/fs", "proc/sysrq-trigger"};
  const struct tz_mount_attr read_only = {.set = TZ_ATTR_RDONLY | TZ_ATTR_NOSUID | TZ_ATTR_NODEV | TZ_ATTR_NOEXEC};
  const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  char from[64];
  MUST(mount("tmpfs", state, "tmpfs", 0, NULL)), MUST(chdir(state));
  MUST(mkdir("l", 0755)), MUST(mkdir("u", 0755)), MUST(mkdir("r", 0755));
  MUST(tz_move_mount(lower, "", AT_FDCWD, "l", TZ_MOVE_MOUNT_F_EMPTY_PATH));
  MUST(tz_move_mount(upper, "", AT_FDCWD, "u", TZ_MOVE_MOUNT_F_EMPTY_PATH));
  MUST(mount("overlay", "r", "overlay", 0, "lowerdir=l,upperdir=u/upper,workdir=u/work,userxattr")), MUST(chdir("r"));
  MUST(mount("proc", "proc", "proc", safe, NULL)), MUST(mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL));
  MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755"));
  for (int i = 0; i < 6; i++) {
    snprintf(from, sizeof from, "/dev/%s", nodes[i]);
    MUST(mknodat(AT_FDCWD, from + 1, S_IFREG | 0666, 0)), MUST(mount(from, from + 1, "", MS_BIND, ""));
  }
  MUST(mkdir("dev/pts", 0755)), MUST(mkdir("dev/shm", 01777)), MUST(mkdir("dev/mqueue", 01777));
  MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
  MUST(mount("shm", "dev/shm", "tmpfs", safe, NULL)), MUST(mount("mqueue", "dev/mqueue", "mqueue", safe, NULL));
  mount("/dev/null", "proc/keys", "", MS_BIND, ""), mount("/dev/null", "proc/timer_list", "", MS_BIND, "");
  MUST(mount("tmpfs", "sys/firmware", "tmpfs", MS_RDONLY, "size=0,nr_inodes=1"));
  for (int i = 0; i < 5; i++) {
    int tree = tz_open_tree(AT_FDCWD, fixed[i], TZ_OPEN_TREE_CLONE | O_CLOEXEC | TZ_AT_RECURSIVE);
    if (tree < 0) continue; /* not every kernel has every file */
    MUST(tz_mount_setattr(tree, "", TZ_AT_EMPTY_PATH | TZ_AT_RECURSIVE, &read_only));
    MUST(tz_move_mount(tree, "", AT_FDCWD, fixed[i], TZ_MOVE_MOUNT_F_EMPTY_PATH)), close(tree);
  }
  MUST(syscall(SYS_pivot_root, ".", ".")), MUST(umount2(".", MNT_DETACH)), MUST(chdir("/"));
}

/* Docker's fourteen capabilities, a filter of a usual length (98 instructions as pairs of words), and the program. */
static _Noreturn void become(char **argv) {
  const uint32_t kept = 0xa80425fb;
  uint32_t rules[98][2] = {{0x20, 0}, [97] = {6, 0x7fff0000}};
  for (uint32_t i = 1; i < 97; i += 2) memcpy(rules[i], (uint32_t[]){0x15 | 1U << 24, 1000 + i, 6, 0x50001}, 16);
  const uintptr_t filter[] = {98, (uintptr_t)rules}; /* struct sock_fprog of a little-endian machine */
  for (int i = 0; i < 41; i++)
    if (i > 31 || (kept >> i & 1) == 0) MUST(prctl(PR_CAPBSET_DROP, i));
  MUST(setsid()), MUST(tz_close_range(3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */)), MUST(prctl(PR_SET_SECCOMP, 2, filter));
  MUST(syscall(SYS_capset, (uint32_t[]){0x20080522, 0}, (uint32_t[]){kept, kept, 0, 0, 0, 0}));
  MUST(execv(argv[0], argv)), _exit(127);
}
#define BE_ROOT() (MUST(setresgid(0, 0, 0)), MUST(setgroups(0, NULL)), MUST(setresuid(0, 0, 0)))

static _Noreturn void be_zone(int hand, const char *state, int lower, int upper, int bridge, char **argv) {
  char byte;
  for (int i = 0; i < join_count; i++) MUST(write(joins[i], "0", 1));
  MUST(unshare(CLONE_NEWCGROUP)), MUST(sethostname("floor", 5)), MUST(mount("", "/", "", MS_REC | MS_PRIVATE, ""));
  MUST(read(hand, &byte, 1)), BE_ROOT(), MUST(prctl(PR_SET_PDEATHSIG, SIGKILL)), umask(022);
  MUST(unshare(CLONE_NEWNET | CLONE_NEWIPC)), MUST(write(hand, "n", 1));
  make_root(state, lower, upper);
  if (bridge != 0) MUST(read(hand, &byte, 1)), configure_network();
  become(argv);
}

static int status_of(pid_t pid) {
  int status;
  MUST(waitpid(pid, &status, 0));
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *lower_path, const char *state, int bridge, char **argv) {
  char path[64], byte;
  int hand[2], pidfd;
  MUST(chdir(state)), MUST(mkdir("disk", 0755)), MUST(mkdir("disk/upper", 0755)), MUST(mkdir("disk/work", 0755));
  int lower = (int)MUST(tz_open_tree(AT_FDCWD, lower_path, TZ_OPEN_TREE_CLONE | O_CLOEXEC));
  int upper = (int)MUST(tz_open_tree(AT_FDCWD, "disk", TZ_OPEN_TREE_CLONE | O_CLOEXEC));
  MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hand));
  const uint64_t flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | TZ_CLONE_PIDFD;
  pid_t pid = (pid_t)MUST(tz_clone3(&(struct tz_clone_args){flags, (uintptr_t)&pidfd, .exit_signal = SIGCHLD}));
  if (pid == 0) be_zone(hand[1], state, lower, upper, bridge, argv);
  snprintf(path, sizeof path, "/proc/%d/uid_map", pid), put(path, "0 1879048192 65536");
  snprintf(path, sizeof path, "/proc/%d/gid_map", pid), put(path, "0 1879048192 65536");
  snprintf(path, sizeof path, "/proc/%d/ns/user", pid);
  const struct tz_mount_attr map = {TZ_ATTR_IDMAP, .userns_fd = (uint64_t)MUST(open(path, O_RDONLY | O_CLOEXEC))};
  MUST(tz_mount_setattr(lower, "", TZ_AT_EMPTY_PATH, &map)), MUST(tz_mount_setattr(upper, "", TZ_AT_EMPTY_PATH, &map));
  MUST(write(hand[0], "m", 1)), MUST(read(hand[0], &byte, 1));
  if (bridge != 0) make_veth(bridge, pid), MUST(write(hand[0], "n", 1));
  int status = status_of(pid);
  while (made_count > 0) MUST(rmdir(made[--made_count]));
  MUST(rmdir("disk/work/work")), MUST(rmdir("disk/work")), MUST(rmdir("disk/upper")), MUST(rmdir("disk"));
  return status;
}

static int enter(pid_t zone, char **argv) {
  MUST(setns((int)MUST(tz_pidfd_open(zone)), 0x7e020000 /* all but time */));
  pid_t pid = (pid_t)MUST(fork());
  for (int i = 0; pid == 0 && i < join_count; i++) MUST(write(joins[i], "0", 1));
  if (pid == 0) BE_ROOT(), become(argv);
  return status_of(pid);
}

int main(int argc, char **argv) {
  if (argc > 5 && argv[1][0] == 'r') return run(argv[2], argv[3], atoi(argv[4]), make_groups(argv + 5));
  return argc > 4 ? enter(atoi(argv[2]), make_groups(argv + 3)) : 2;
}
