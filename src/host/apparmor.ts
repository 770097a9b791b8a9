/** Whether zones can have AppArmor profiles of their own on this host. */
import type { HostFacts } from './facts.js';

/** Where the kernel takes profiles, and lists them. */
export const apparmorInterface = '/sys/kernel/security/apparmor';
/** Debian's package of the same name has it. */
export const apparmorParser = 'apparmor_parser';

export interface ApparmorFacts {
  /** The interface is there: securityfs is mounted. */
  readonly hasInterface: boolean;
  /** This process is under a profile itself, which may not let others be chosen. */
  readonly isConfined: boolean;
}

export interface ApparmorObstacle {
  readonly reason: string;
  /** A command to paste, or what to change. */
  readonly fix: string;
  /** The host has all but a program: it means to be like this. */
  readonly isOversight: boolean;
}

/** Of a kernel that has AppArmor: why zones get no profile all the same. */
export function apparmorObstacle(
  { apparmor, capabilities }: Pick<HostFacts, 'apparmor' | 'capabilities'>,
  hasParser: boolean,
): ApparmorObstacle | undefined {
  if (apparmor === undefined) return undefined;
  const from = { isOversight: false, fix: 'run tszone on the host itself, not in a container' };
  if (apparmor.isConfined) return { reason: 'tszone is under a profile itself', ...from };
  if (!capabilities.effectiveNames.includes('MAC_ADMIN')) return { reason: 'CAP_MAC_ADMIN is missing', ...from };
  if (!apparmor.hasInterface) {
    return {
      reason: `"${apparmorInterface}" is not there`,
      fix: 'mount -t securityfs securityfs /sys/kernel/security',
      isOversight: false,
    };
  }
  if (hasParser) return undefined;
  return {
    reason: `${apparmorParser} is not installed`,
    fix: 'apt-get install --no-install-recommends apparmor',
    isOversight: true,
  };
}

/** `unconfined`, or a profile in the mode that confines nothing. */
export function isUnconfinedLabel(label: string): boolean {
  return label === 'unconfined' || label.endsWith(' (unconfined)');
}
