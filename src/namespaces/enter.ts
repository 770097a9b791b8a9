/** The ops of an exec: which zone to enter, and what to be in there. */
import type { EnterOp } from '../helper/index.js';
import {
  type ProcessPlanInput,
  type ProgramPlanInput,
  planConfinement,
  planEnvironment,
  planProcess,
  planProgram,
} from './credentials.js';

/** What all execs of a zone have in common. */
export interface EntryPlanInput {
  readonly namespaces: string;
  readonly cgroups: readonly EnterOp[];
  readonly program: ProgramPlanInput;
}

export interface EnterPlanInput extends EntryPlanInput {
  readonly pid: number;
  readonly startTime: string;
  readonly stdio: 'attach' | 'relay' | 'pty';
  readonly winsize: { readonly rows: number; readonly columns: number } | undefined;
  readonly payload: ProcessPlanInput | { readonly helperPath: string; readonly argv: readonly string[] };
}

export function planEnter(input: EnterPlanInput): EnterOp[] {
  const { payload } = input;
  const size = input.winsize;
  const head: EnterOp[] = [
    { op: 'target', pid: String(input.pid), startTime: input.startTime },
    { op: 'stdio.mode', mode: input.stdio },
    ...(size === undefined
      ? []
      : [{ op: 'stdio.winsize', rows: String(size.rows), columns: String(size.columns) } as const]),
  ];
  if (!('helperPath' in payload)) return [...head, ...planEntry(input), ...planProcess(payload)];
  const slot = 'tool';
  const tree: EnterOp = { op: 'tree.open', slot, path: payload.helperPath, flags: 'readonly' };
  return [...head, tree, ...planEntry(input), { op: 'exec.slot', slot, argv: ['tszone-helper', ...payload.argv] }];
}

function planEntry({ namespaces, cgroups, program }: EntryPlanInput): EnterOp[] {
  return [
    { op: 'ns.flags', flags: namespaces },
    ...cgroups,
    { op: 'cgroup.enter' },
    ...planProgram(program),
    ...planConfinement(program),
  ];
}

export interface SysctlPlanInput extends Pick<EnterPlanInput, 'pid' | 'startTime' | 'namespaces'> {
  readonly helperPath: string;
  readonly sysctls: Readonly<Record<string, string>>;
}

/**
 * Kernel parameters of a zone that runs. Nothing of the zone is trusted, nor can it see who writes: none of its files and
 * processes is there, and the host's /proc is written, as its root, since the kernel lets nobody else. The helper has then something
 * harmless to run.
 */
export function planSysctls({ pid, startTime, namespaces, helperPath, sysctls }: SysctlPlanInput): EnterOp[] {
  const slot = 'tool';
  const flags = namespaces.split(',').filter((name) => ['user', 'net', 'ipc'].includes(name));
  return [
    { op: 'target', pid: String(pid), startTime },
    { op: 'stdio.mode', mode: 'attach' },
    { op: 'tree.open', slot, path: helperPath, flags: 'readonly' },
    { op: 'ns.flags', flags: flags.join(',') },
    ...planSysctlWrites(sysctls),
    { op: 'exec.slot', slot, argv: ['tszone-helper', 'features'] },
  ];
}

export function planSysctlWrites(sysctls: Readonly<Record<string, string>>): EnterOp[] {
  return Object.entries(sysctls).map(([key, value]): EnterOp => ({ op: 'sysctl.write', key, value }));
}

/** What `shell` runs: the user's own shell if the zone has it. */
export const loginShell = [
  '/bin/sh',
  '-c',
  'if [ -x "$SHELL" ]; then exec "$SHELL" -l "$@"; else exec /bin/sh -l "$@"; fi',
  'sh',
] as const;

export interface EntryRecordInput extends EntryPlanInput {
  /** The persistent root that the zone is of. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly workdir: string | undefined;
  /** entry.freezer, entry.group */
  readonly groups: readonly EnterOp[];
  /** Of the monitor, which ends the exec if its caller is killed. */
  readonly socket: string;
  /** status.line */
  readonly status: readonly EnterOp[];
}

/** For the native entry (docs/decisions/0012-native-entry.md): what is known of every exec in the zone when it starts. */
export function planEntryRecord(input: EntryRecordInput): EnterOp[] {
  return [
    { op: 'entry.root', path: input.root },
    ...input.groups,
    { op: 'monitor.socket', path: input.socket },
    { op: 'entry.login', argv: loginShell },
    { op: 'entry.user', spec: input.user ?? rootUser },
    { op: 'entry.workdir', path: input.workdir ?? '/' },
    ...input.status,
    ...planEntry(input),
    ...planEnvironment(input.env),
  ];
}

const rootUser = '0';
