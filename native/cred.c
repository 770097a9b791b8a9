/* Credentials and limits of the zone side: capabilities, no_new_privs, umask, rlimits, personality, working directory.
 */
#include "cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "path.h"
#include "report.h"
#include "settings.h"
#include "words.h"
#include "zone.h"

/* From linux/capability.h. */
struct cap_header {
  uint32_t version;
  int pid;
};
struct cap_data {
  uint32_t effective, permitted, inheritable;
};
enum { CAP_VERSION_3 = 0x20080522, CAPBSET_READ = 23, CAPBSET_DROP = 24, CAP_AMBIENT = 47, AMBIENT_RAISE = 2 };

static uint64_t parse_mask(const char *text) {
  char *end;
  errno = 0;
  uint64_t mask = strtoull(text, &end, 16);
  if (errno != 0 || end == text || *end != '\0') fail_with(EINVAL, "", text, "not a hexadecimal mask");
  return mask;
}

static uint64_t permitted_now(void) {
  struct cap_header header = {CAP_VERSION_3, 0};
  struct cap_data data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &header, data) != 0) fail("capget", "");
  return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static void set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  struct cap_header header = {CAP_VERSION_3, 0};
  struct cap_data data[2] = {
      {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
      {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
  };
  if (syscall(SYS_capset, &header, data) != 0) fail("capset", "");
}

/* /dev/stdout has to be openable by the one who owns the process. */
static void give_stdio(uid_t uid, gid_t gid) {
  for (int fd = 0; fd <= 2; fd++) {
    struct stat info;
    if (fstat(fd, &info) != 0) continue;
    if ((zone.own_pipes >> fd & 1) != 0 && S_ISFIFO(info.st_mode) && fchown(fd, uid, gid) != 0) fail("fchown", "stdio");
  }
  if (zone.console >= 0 && fchown(zone.console, uid, (gid_t)-1) != 0) fail("fchown", "console");
}

void cred_become(uid_t uid, gid_t gid, const gid_t *groups, int count) {
  give_stdio(uid, gid);
  if (setgroups((size_t)count, groups) != 0) fail("setgroups", "");
  if (setresgid(gid, gid, gid) != 0) fail("setresgid", "");
  /* The capabilities that cred.caps has still to use; exec drops what it did not keep. */
  if (prctl(PR_SET_KEEPCAPS, 1) != 0) fail("prctl(PR_SET_KEEPCAPS)", "");
  if (setresuid(uid, uid, uid) != 0) fail("setresuid", "");
  uint64_t permitted = permitted_now();
  if (uid != 0) set_caps(permitted, permitted, 0);
}

void cred_caps(const struct op *op) {
  uint64_t bounding = parse_mask(op_arg(op, 0));
  uint64_t permitted = parse_mask(op_arg(op, 1));
  uint64_t inheritable = parse_mask(op_arg(op, 2));
  uint64_t ambient = parse_mask(op_arg(op, 3));
  for (int cap = 0; cap < 64; cap++) {
    if ((bounding >> cap & 1) != 0) continue;
    int has = prctl(CAPBSET_READ, cap, 0, 0, 0);
    if (has < 0) break;
    if (has == 1 && prctl(CAPBSET_DROP, cap, 0, 0, 0) != 0) fail("prctl(PR_CAPBSET_DROP)", "");
  }
  set_caps(permitted, permitted, inheritable);
  for (int cap = 0; cap < 64; cap++) {
    if ((ambient >> cap & 1) != 0 && prctl(CAP_AMBIENT, AMBIENT_RAISE, cap, 0, 0) != 0) {
      fail("prctl(PR_CAP_AMBIENT)", "");
    }
  }
}

void cred_nnp(const struct op *op) {
  (void)op;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl(PR_SET_NO_NEW_PRIVS)", "");
}

void cred_umask(const struct op *op) {
  char *end;
  unsigned long mask = strtoul(op_arg(op, 0), &end, 8);
  if (*end != '\0' || mask > 0777) fail_with(EINVAL, "", op_arg(op, 0), "not an octal mask");
  umask((mode_t)mask);
}

static rlim_t parse_limit(const char *text) {
  return strcmp(text, "unlimited") == 0 ? RLIM_INFINITY : (rlim_t)parse_number(text);
}

void cred_rlimit(const struct op *op) {
  struct rlimit limit = {parse_limit(op_arg(op, 1)), parse_limit(op_arg(op, 2))};
  if (setrlimit((int)parse_number(op_arg(op, 0)), &limit) != 0) fail("setrlimit", op_arg(op, 0));
}

void cred_personality(const struct op *op) {
  static const struct word names[] = {{"linux", 0}, {"linux32", 8}, {NULL, 0}};
  if (personality((unsigned long)words_parse(op_arg(op, 0), names)) < 0) fail("personality", op_arg(op, 0));
}

void cred_cwd(const struct op *op) {
  const char *path = op_arg(op, 0);
  /* By openat2 and not chdir: /proc/self/fd/N must not lead to a directory of the host that is still open here. */
  int fd = path_open(path, O_PATH | O_DIRECTORY, 0);
  if (fd < 0) fail("openat2", path);
  if (fchdir(fd) != 0) fail("fchdir", path);
  close(fd);
}
