/** The ops of an exec: which zone to enter, and what to be in there. */
import type { EnterOp } from '../helper/index.js';
import { type ProcessPlanInput, type ProgramPlanInput, planProcess, planProgram } from './credentials.js';

export interface EnterPlanInput {
  readonly pid: number;
  readonly startTime: string;
  readonly namespaces: string;
  readonly cgroups: readonly EnterOp[];
  readonly stdio: 'inherit' | 'relay' | 'pty';
  readonly winsize: { readonly rows: number; readonly columns: number } | undefined;
  readonly program: ProgramPlanInput;
  readonly payload: ProcessPlanInput | { readonly helperPath: string; readonly argv: readonly string[] };
}

export function planEnter(input: EnterPlanInput): EnterOp[] {
  const { payload } = input;
  const size = input.winsize;
  const program = planProgram(input.program);
  const head: EnterOp[] = [
    { op: 'ns.flags', flags: input.namespaces },
    { op: 'target', pid: String(input.pid), startTime: input.startTime },
    { op: 'stdio.mode', mode: input.stdio },
    ...(size === undefined
      ? []
      : [{ op: 'stdio.winsize', rows: String(size.rows), columns: String(size.columns) } as const]),
    ...input.cgroups,
  ];
  const join: EnterOp = { op: 'cgroup.enter' };
  if (!('helperPath' in payload)) return [...head, join, ...program, ...planProcess(payload)];
  const slot = 'tool';
  const tree: EnterOp = { op: 'tree.open', slot, path: payload.helperPath, flags: 'readonly' };
  return [...head, tree, join, ...program, { op: 'exec.slot', slot, argv: ['tszone-helper', ...payload.argv] }];
}
