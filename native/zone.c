/* Walks the zone side's ops, see zone.h. */
#include "zone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "cred.h"
#include "hand.h"
#include "report.h"
#include "settings.h"

struct zone zone = {.socket = -1,
                    .staging = -1,
                    .root = -1,
                    .proc = -1,
                    .sys = -1,
                    .sysctl = -1,
                    .host_proc = -1,
                    .console = -1,
                    .tied = true};

enum { KEYCTL_JOIN_SESSION_KEYRING = 1 };

void zone_tie(void) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("prctl(PR_SET_PDEATHSIG)", "");
}

void zone_join_cgroups(void) {
  if (zone.joined) return;
  zone.joined = true;
  for (int i = 0; i < settings.join_count; i++) {
    if (write(settings.join_fds[i], "0", 1) != 1) fail("write", settings.joins[i]);
    close(settings.join_fds[i]);
  }
}

/* Made while this is still the host's root, as what a user may have is a few hundred, and a zone can use its own up. ENOSYS, EPERM: a
 * kernel without keys, or a filter around all of this. */
static void own_session_keyring(void) {
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
    fail("keyctl", "");
}

void zone_become_root(void) {
  own_session_keyring();
  if (setresgid(0, 0, 0) != 0) fail("setresgid", "");
  if (setgroups(0, NULL) != 0) fail("setgroups", "");
  if (setresuid(0, 0, 0) != 0) fail("setresuid", "");
  zone_tie();
  umask(0);
}

/* Waits for one message of the host side; without it there is nobody left to be a zone for. */
static void wait_for(enum hand_message wanted) {
  static struct hand_packet packet;
  if (hand_receive(zone.socket, &packet, true) != wanted) _exit(STATUS_FAILED);
}

static void cgroup_enter(const struct op *op) {
  (void)op;
  zone_join_cgroups();
}

static void uts_hostname(const struct op *op) {
  const char *name = op_arg(op, 0);
  if (sethostname(name, strlen(name)) != 0) fail("sethostname", name);
}

static void uts_domain(const struct op *op) {
  const char *name = op_arg(op, 0);
  if (setdomainname(name, strlen(name)) != 0) fail("setdomainname", name);
}

static void sync_maps(const struct op *op) {
  (void)op;
  wait_for(HAND_MAPS);
  zone_become_root();
  if (!settings.any_locked) return;
  /* Into the zone's user namespace only now: this is what locks the flags of what the host side attached. */
  if (unshare(CLONE_NEWNS) != 0) fail("unshare", "mnt");
  mnt_take_locked();
}

static void ns_unshare(const struct op *op) {
  const char *flags = op_arg(op, 0);
  if (unshare((int)parse_ns_flags(flags)) != 0) fail("unshare", flags);
}

static void sync_created(const struct op *op) {
  (void)op;
  if (!hand_send(zone.socket, HAND_CREATED)) _exit(STATUS_FAILED);
}

static void sync_links(const struct op *op) {
  (void)op;
  wait_for(HAND_LINKS);
}

static void sync_go(const struct op *op) {
  (void)op;
  if (settings.hold != NULL && !hand_send(zone.socket, HAND_READY)) _exit(STATUS_FAILED);
  wait_for(HAND_GO);
}

/* What follows came with the go. */
static void sync_program(const struct op *op) {
  (void)op;
  static struct plan program;
  struct plan_error error;
  if (!hand_receive_program(zone.socket, &program)) _exit(STATUS_FAILED);
  if (!plan_check(&program, &error)) fail_with(EINVAL, "", error.token, error.message);
  zone_walk(&program);
}

static void run_exec_path(const struct op *op) {
  exec_path(op);
}

static void run_exec_slot(const struct op *op) {
  exec_slot(op);
}

static void run_exec_none(const struct op *op) {
  (void)op;
  exec_none();
}

static void (*const handlers[OP_COUNT])(const struct op *op) = {
    [OP_CGROUP_ENTER] = cgroup_enter,
    [OP_UTS_HOSTNAME] = uts_hostname,
    [OP_UTS_DOMAIN] = uts_domain,
    [OP_SYNC_MAPS] = sync_maps,
    [OP_NS_UNSHARE] = ns_unshare,
    [OP_SYNC_CREATED] = sync_created,
    [OP_ROOT_STAGE] = mnt_stage,
    [OP_TREE_MOVE] = mnt_tree_move,
    [OP_OVERLAY_MOUNT] = mnt_overlay,
    [OP_ROOT_ENTER] = mnt_root_enter,
    [OP_MNT_FS] = mnt_fs,
    [OP_MNT_TREE] = mnt_tree,
    [OP_DEV_BIND] = mnt_dev_bind,
    [OP_DEV_ADD] = node_add,
    [OP_DEV_REMOVE] = node_remove,
    [OP_SYMLINK] = file_symlink,
    [OP_MKDIR] = file_mkdir,
    [OP_MNT_MASK] = mnt_mask,
    [OP_MNT_READONLY] = mnt_readonly,
    [OP_PROC_READONLY] = mnt_proc_readonly,
    [OP_CONSOLE_MAKE] = console_make,
    [OP_ROOT_ATTRIBUTES] = mnt_root_attributes,
    [OP_ROOT_PIVOT] = mnt_pivot,
    [OP_FILE_WRITE] = file_write,
    [OP_SYSCTL_WRITE] = file_sysctl,
    [OP_SYNC_LINKS] = sync_links,
    [OP_SYNC_GO] = sync_go,
    [OP_SYNC_PROGRAM] = sync_program,
    [OP_NL_SEND] = netlink_send_op,
    [OP_RLIMIT_SET] = cred_rlimit,
    [OP_PERSONALITY] = cred_personality,
    [OP_ENV_SET] = exec_env_set,
    [OP_INIT_FORK] = exec_init_fork,
    [OP_CRED_USER] = cred_user,
    [OP_CRED_CAPS] = cred_caps,
    [OP_CRED_NNP] = cred_nnp,
    [OP_CRED_UMASK] = cred_umask,
    [OP_APPARMOR_CHANGE] = apparmor_change,
    [OP_SECCOMP_LOAD] = seccomp_load,
    [OP_CWD] = cred_cwd,
    [OP_EXEC_PATH] = run_exec_path,
    [OP_EXEC_SLOT] = run_exec_slot,
    [OP_EXEC_NONE] = run_exec_none,
};

_Noreturn void zone_walk(const struct plan *plan) {
  struct cursor at = {0};
  struct op op;
  while (plan_next(plan, &at, &op)) {
    if (handlers[op.id] == NULL) continue;
    report_step(op_specs[op.id].name, op.index);
    handlers[op.id](&op);
  }
  report_step("exec", -1);
  fail_with(0, "", "", "the plan has no exec op");
}
