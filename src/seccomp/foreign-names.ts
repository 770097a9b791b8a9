/** Calls that only other architectures have, or old kernels had; profiles that are written for all of them name these. syscalls(2). */
export const foreignNames: readonly string[] = `
  arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush cachectl set_tls get_tls usr26 usr32 pciconfig_iobase
  pciconfig_read pciconfig_write riscv_flush_icache riscv_hwprobe rtas s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write
  s390_runtime_instr s390_sthyi spu_create spu_run subpage_prot swapcontext switch_endian multiplexer sys_debug_setcontext sysmips
  timerfd setup kern_features memory_ordering perfctr utrap_install sethae setpgrp getpagesize
  atomic_barrier atomic_cmpxchg_32 getxpid getxuid getxgid getdtablesize gethostname listns syscall
`
  .trim()
  .split(/\s+/);
