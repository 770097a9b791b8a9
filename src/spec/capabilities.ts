/** The kernel's capabilities by bit, and which of them a system zone has. capabilities(7), linux/capability.h. */

export const capabilityNames = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

export type CapabilityName = (typeof capabilityNames)[number];

/**
 * The default bounding set. A zone's root holds these in its own user namespace only, so each is a power over what the
 * zone owns. Left out are those whose kernel side is global in spite of the namespace, or which only widen the attack
 * surface: module loading, raw I/O, time, BPF, perf, syslog, audit control, MAC, block-suspend and wake alarms.
 * SYS_ADMIN is in because `mount -t tmpfs`, systemd and package scripts need it; the user namespace confines it.
 */
export const defaultCapabilities: readonly CapabilityName[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'SETFCAP',
];

/**
 * The default without a user namespace, where each is the host's own: what server programs need to change users, owners and
 * modes of their own files, and to listen. Nothing that mounts, makes devices, opens files by handle or configures.
 */
export const hostIdCapabilities: readonly CapabilityName[] = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SYS_CHROOT',
  'AUDIT_WRITE',
  'SETFCAP',
];

/** With one of these, root without a user namespace undoes its own confinement or the host's: only --privileged has them. */
export const privilegedCapabilities: readonly CapabilityName[] = [
  'DAC_READ_SEARCH',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_TIME',
  'MKNOD',
  'AUDIT_CONTROL',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
];

/** `net_raw`, `CAP_NET_RAW` → `NET_RAW`; `ALL` stays; `undefined` if there is no such capability. */
export function parseCapability(text: string): CapabilityName | 'ALL' | undefined {
  const name = text.toUpperCase().replace(/^CAP_/, '');
  return name === 'ALL' ? name : capabilityNames.find((known) => known === name);
}

/** The set as the kernel's 64-bit mask. */
export function capabilityMask(names: Iterable<CapabilityName>): bigint {
  let mask = 0n;
  for (const name of names) mask |= 1n << BigInt(capabilityNames.indexOf(name));
  return mask;
}

/** The default set with additions and drops applied; drops win. */
export function effectiveCapabilities(
  add: readonly (CapabilityName | 'ALL')[],
  drop: readonly (CapabilityName | 'ALL')[],
  defaults: readonly CapabilityName[] = defaultCapabilities,
): CapabilityName[] {
  const base = drop.includes('ALL') ? [] : add.includes('ALL') ? capabilityNames : defaults;
  const wanted = new Set<CapabilityName>(base);
  for (const name of add) if (name !== 'ALL') wanted.add(name);
  for (const name of drop) if (name !== 'ALL') wanted.delete(name);
  return capabilityNames.filter((name) => wanted.has(name));
}
