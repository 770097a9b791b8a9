/**
 * What a system zone may call, by subject, and what it is told about the rest. Every call of numbers.ts is in one of these lists
 * (tested): a new one has to be looked at. Man pages' section 2 and the kernel's own tables.
 */

const lists = {
  files: `
    open openat openat2 creat close close_range read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek
    dup dup2 dup3 fcntl fcntl64 ioctl flock sync syncfs fsync fdatasync sync_file_range truncate truncate64 ftruncate ftruncate64
    fallocate fadvise64 fadvise64_64 readahead copy_file_range sendfile sendfile64 splice tee vmsplice pipe pipe2 memfd_create
    memfd_secret cachestat`,
  names: `
    access faccessat faccessat2 stat stat64 fstat fstat64 lstat lstat64 oldstat oldfstat oldlstat newfstatat fstatat64 statx readlink
    readlinkat getdents getdents64 readdir getcwd chdir fchdir chroot mkdir mkdirat rmdir link linkat symlink symlinkat unlink unlinkat
    rename renameat renameat2 mknod mknodat chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 lchown lchown32 fchownat
    utime utimes futimesat utimensat utimensat_time64 umask statfs statfs64 fstatfs fstatfs64 name_to_handle_at file_getattr
    file_setattr inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_init fanotify_mark getxattr lgetxattr fgetxattr
    setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr setxattrat getxattrat
    listxattrat removexattrat`,
  mounts: `
    mount umount umount2 pivot_root open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr statmount
    listmount`,
  waiting: `
    poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_wait
    epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4 io_setup io_destroy io_submit io_cancel io_getevents
    io_pgetevents io_pgetevents_time64`,
  memory: `
    brk mmap mmap2 munmap mremap mprotect madvise process_madvise mincore msync mlock mlock2 munlock mlockall munlockall
    remap_file_pages pkey_alloc pkey_free pkey_mprotect mseal map_shadow_stack membarrier mbind get_mempolicy set_mempolicy
    set_mempolicy_home_node migrate_pages move_pages process_mrelease process_vm_readv process_vm_writev`,
  processes: `
    fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill pidfd_open pidfd_getfd pidfd_send_signal getpid
    getppid gettid getpgid getpgrp setpgid getsid setsid ptrace kcmp prctl arch_prctl personality set_tid_address set_thread_area
    get_thread_area set_robust_list get_robust_list rseq futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue seccomp
    landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr lsm_set_self_attr lsm_list_modules restart_syscall
    uretprobe uprobe`,
  identity: `
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid
    setregid32 setresuid setresuid32 setresgid setresgid32 getresuid getresuid32 getresgid getresgid32 setfsuid setfsuid32 setfsgid
    setfsgid32 getgroups getgroups32 setgroups setgroups32 capget capset`,
  signals: `
    signal sigaction sigprocmask sigpending sigsuspend sigreturn sgetmask ssetmask rt_sigaction rt_sigprocmask rt_sigpending
    rt_sigsuspend rt_sigreturn rt_sigtimedwait rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo sigaltstack pause alarm`,
  scheduling: `
    sched_yield sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_setattr sched_getattr sched_setaffinity
    sched_getaffinity sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getpriority
    setpriority nice ioprio_get ioprio_set getcpu getrlimit ugetrlimit setrlimit prlimit64 getrusage times`,
  time: `
    time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep clock_nanosleep_time64 nanosleep
    getitimer setitimer timer_create timer_settime timer_settime64 timer_gettime timer_gettime64 timer_getoverrun timer_delete
    timerfd_create timerfd_settime timerfd_settime64 timerfd_gettime timerfd_gettime64`,
  sockets: `
    socketpair bind listen accept accept4 connect getsockname getpeername getsockopt setsockopt shutdown send sendto sendmsg sendmmsg
    recv recvfrom recvmsg recvmmsg recvmmsg_time64`,
  messages: `
    ipc msgget msgsnd msgrcv msgctl semget semop semctl semtimedop semtimedop_time64 shmget shmat shmdt shmctl mq_open mq_unlink
    mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify mq_getsetattr`,
  system: `
    uname olduname oldolduname sysinfo sethostname setdomainname getrandom vhangup reboot`,
} as const;

const words = (text: string) => text.trim().split(/\s+/);

export const allowedCalls: readonly string[] = Object.values(lists).flatMap(words);

/** Allowed, refused or answered by their arguments: default-policy.ts. */
export const conditionalCalls: readonly string[] = words('clone clone3 unshare setns socket socketcall');

/**
 * EPERM, as it is to who lacks the privilege: modules, kexec, swap, accounting, quotas, the clock, ports, the kernel's log, BPF and
 * perf events, user fault handling, and file handles, which lead past mounts.
 */
export const refusedCalls: readonly string[] = words(`
  init_module finit_module delete_module kexec_load kexec_file_load swapon swapoff acct quotactl quotactl_fd settimeofday stime
  clock_settime clock_settime64 adjtimex clock_adjtime clock_adjtime64 ioperm iopl syslog bpf perf_event_open userfaultfd
  open_by_handle_at`);

/** ENOSYS, as on a kernel that was built without them: programs then do without, where EPERM would have them give up. */
export const absentCalls: readonly string[] = words(`
  add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register modify_ldt vm86 vm86old lookup_dcookie uselib ustat sysfs
  _sysctl nfsservctl create_module query_module get_kernel_syms afs_syscall getpmsg putpmsg security tuxcall vserver bdflush break ftime
  gtty stty idle lock mpx prof profil ulimit`);
