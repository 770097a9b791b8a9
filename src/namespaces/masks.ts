/** What of /proc and /sys is hidden or read-only, as the OCI runtimes' default has it. Hardening only: see decision 0006. */

export const maskedPaths = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
] as const;

export const readOnlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'] as const;

/**
 * Without a user namespace they are the zone's root's to read. Whatever else in /proc is not a process's is read-only there: its
 * root could change it, or the modes of it, for the whole host.
 */
export const hostIdMaskedPaths = [
  '/proc/allocinfo',
  '/proc/dynamic_debug',
  '/proc/kpagecgroup',
  '/proc/kpagecount',
  '/proc/kpageflags',
  '/proc/pagetypeinfo',
  '/proc/slabinfo',
  '/proc/vmallocinfo',
  '/proc/vmcore',
] as const;
