/** Who a program in a zone is: capabilities, user, limits, environment. */
import type { EnterOp } from '../helper/index.js';
import { type CapabilityName, capabilityMask, rlimits, type ZoneSpec } from '../spec/index.js';

export interface ProgramPlanInput {
  readonly capabilities: readonly CapabilityName[];
  readonly noNewPrivs: boolean;
  readonly umask: number | undefined;
  readonly ulimits: ZoneSpec['ulimit'];
  readonly personality: string | undefined;
  /** None: unconfined. */
  readonly filter?: FilterInput | undefined;
  /** Of AppArmor, loaded by the time it is asked for. None: unconfined. */
  readonly profile?: string | undefined;
}

/** A seccomp filter: seccomp.load. */
export interface FilterInput {
  readonly when: 'now' | 'exec';
  readonly flags: number;
  readonly program: string;
}

export interface ProcessPlanInput {
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  readonly argv: readonly string[];
}

const hex = (mask: bigint) => `0x${mask.toString(16)}`;

/**
 * Holds for pid 1 and all that comes after it. The permitted set keeps what `cred.user` needs (CHOWN: stdio becomes the
 * user's) and a filter (SYS_ADMIN); an exec as root drops to the bounding set, one as anybody else to nothing (capabilities(7),
 * "Transformation of capabilities during execve").
 */
export function planProgram(input: ProgramPlanInput): EnterOp[] {
  const bounding = capabilityMask(input.capabilities);
  const forFilter: readonly CapabilityName[] = input.filter === undefined ? [] : ['SYS_ADMIN'];
  const forUser = ['CHOWN', 'SETUID', 'SETGID', 'SETPCAP', 'DAC_READ_SEARCH'] as const;
  const permitted = bounding | capabilityMask([...forUser, ...forFilter]);
  return [
    ...input.ulimits.map((limit): EnterOp => {
      const resource = String(rlimits[limit.resource]);
      return { op: 'rlimit.set', resource, soft: String(limit.soft), hard: String(limit.hard) };
    }),
    ...(input.personality === undefined ? [] : [{ op: 'personality', name: input.personality } as const]),
    { op: 'cred.caps', bounding: hex(bounding), permitted: hex(permitted), inheritable: '0x0', ambient: '0x0' },
    ...(input.noNewPrivs ? [{ op: 'cred.nnp' } as const] : []),
    { op: 'cred.umask', octal: (input.umask ?? 0o022).toString(8).padStart(3, '0') },
    ...planFilter(input.filter),
  ];
}

function planFilter(filter: FilterInput | undefined): EnterOp[] {
  if (filter === undefined) return [];
  const { when, flags, program } = filter;
  return [{ op: 'seccomp.load', when, flags: String(flags), program }];
}

/** As late as can be: the profile is loaded while a zone is made. */
export function planConfinement({ profile }: Pick<ProgramPlanInput, 'profile'>): EnterOp[] {
  return profile === undefined ? [] : [{ op: 'apparmor.exec', profile }];
}

/** The one program: environment first, since `cred.user` sets HOME and the like only where it is silent. */
export function planProcess(input: ProcessPlanInput): EnterOp[] {
  return [
    ...planEnvironment(input.env),
    { op: 'cred.user', spec: input.user ?? '0' },
    { op: 'cwd', path: input.workdir ?? '/' },
    { op: 'exec.path', argv: input.argv },
  ];
}

export function planEnvironment(env: Readonly<Record<string, string>>): EnterOp[] {
  return Object.entries(env).map(([key, value]) => ({ op: 'env.set', assignment: `${key}=${value}` }));
}

/** What every program in a zone finds, unless image or user say otherwise. HOME comes from the zone's passwd. */
export const baseEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  TERM: 'xterm',
  container: 'tszone',
};
