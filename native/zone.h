/* The zone side: the child that walks the plan's zone ops, and what its parts share. */
#ifndef TSZONE_ZONE_H
#define TSZONE_ZONE_H

#include <stdbool.h>
#include <sys/types.h>

#include "plan.h"

enum { MAX_ENVIRONMENT = 1024 };

struct zone {
  int socket;         /* to the host side */
  int staging;        /* launch: O_PATH, the staging tmpfs; -1 before root.stage */
  int root;           /* O_PATH: what paths are resolved in; -1 before there is one */
  int proc, sys;      /* the mounts of the zone's /proc and /sys until the pivot; -1: none */
  int sysctl;         /* O_PATH: /proc/sys as it is writable, if the plan writes there; else -1 */
  int host_proc;      /* O_PATH: the host's /proc, if the plan has apparmor.change; else -1 */
  int console;        /* the pty's slave if stdio is the pty, else -1 */
  bool joined;        /* the cgroups have been joined */
  unsigned own_pipes; /* bits 0-2: that one of stdio is a pipe that the helper made for this process */
  bool is_init;       /* tszone-init, which waits for signals, is what is executed */
  bool tied;          /* dies with the helper: not so for the child of a forked init */
  char *environment[MAX_ENVIRONMENT];
  int environment_count;
};

extern struct zone zone;

/* Walks the zone ops; does not return: exec, or fail(). */
_Noreturn void zone_walk(const struct plan *plan);
void zone_join_cgroups(void);
/* uid 0 and gid 0 of the user namespace, no groups, tied to the helper, own session keyring, umask 0. */
void zone_become_root(void);
/* PR_SET_PDEATHSIG; the kernel clears it with each change of credentials. */
void zone_tie(void);

/* mnt.c */
void mnt_stage(const struct op *op);
void mnt_tree_move(const struct op *op);
void mnt_overlay(const struct op *op);
void mnt_root_enter(const struct op *op);
void mnt_fs(const struct op *op);
void mnt_tree(const struct op *op);
void mnt_dev_bind(const struct op *op);
void mnt_root_attributes(const struct op *op);
void mnt_pivot(const struct op *op);
/* The zone's own copies of the locked trees, cwd being the directory where the host side attached them. */
void mnt_take_locked(void);

/* node.c */
void node_add(const struct op *op);
void node_remove(const struct op *op);

/* mask.c */
void mnt_mask(const struct op *op);
void mnt_readonly(const struct op *op);
void mnt_proc_readonly(const struct op *op);

/* file.c */
void file_write(const struct op *op);
void file_mkdir(const struct op *op);
void file_symlink(const struct op *op);
void file_sysctl(const struct op *op);

/* console.c */
void console_make(const struct op *op);
/* enter: a pty of the zone's /dev/pts for stdio. */
void console_borrow(void);

/* netlink.c */
void netlink_send_op(const struct op *op);

/* cred.c, user.c */
void cred_user(const struct op *op);
void cred_caps(const struct op *op);
void cred_nnp(const struct op *op);
void cred_umask(const struct op *op);
void cred_rlimit(const struct op *op);
void cred_personality(const struct op *op);
void cred_cwd(const struct op *op);

/* seccomp.c */
void seccomp_load(const struct op *op);
/* What seccomp.load kept for the exec, which comes next. */
void seccomp_install(void);

/* apparmor.c */
/* Before anything of the zone is entered; fail()s. */
void apparmor_begin(void);
void apparmor_change(const struct op *op);

/* exec.c */
void exec_env_set(const struct op *op);
void exec_init_fork(const struct op *op);
_Noreturn void exec_path(const struct op *op);
_Noreturn void exec_slot(const struct op *op);
_Noreturn void exec_none(void);
/* NAME=value unless NAME is set already. */
void exec_env_default(const char *name, const char *value);

#endif
