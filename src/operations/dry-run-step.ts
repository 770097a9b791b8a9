/** What a dry run says: steps as data and in words. */
import type { EnterOp } from '../helper/index.js';
import { describeHostOp } from '../plan/index.js';
import type { HostOpBase } from '../spec/index.js';

export interface DryRun {
  /** The verb: `create`, `network delete`. */
  readonly operation: string;
  /** What it would be done to: a zone, a network, an image. */
  readonly name: string;
  readonly steps: readonly DryStep[];
  /** Of set and unset: settings that would hold only after a restart. */
  readonly needsRestart?: readonly string[];
  /** Sentences that a user should read, as far as they are known before. */
  readonly notes?: readonly string[];
}

export interface DryStep {
  /** prepare: on the host, before the launch · attach: on the host, with the zone's pid · enter: by the helper · undo: taken back */
  readonly phase: 'prepare' | 'attach' | 'enter' | 'undo';
  readonly op: HostOpBase | EnterOp;
  /** One line for people. */
  readonly text: string;
}

export function hostSteps(phase: DryStep['phase'], ops: readonly HostOpBase[]): DryStep[] {
  return ops.map((op) => ({ phase, op, text: describeHostOp(op) }));
}

/** Of what no op stands for. */
export const plainStep = (op: string, text: string): DryStep => ({ phase: 'prepare', op: { op }, text });

/** Asks for the plan alone: nothing is done. */
export interface Dry {
  readonly dryRun: true;
}

/** The same options, to do it. */
export type Wet<Options> = Options & { readonly dryRun?: false | undefined };

/** What a method that is declared for both takes. */
export interface MaybeDry {
  readonly dryRun?: boolean | undefined;
}

/** Left out where there are none. */
export const notesOf = (notes: readonly string[]): Pick<DryRun, 'notes'> => (notes.length === 0 ? {} : { notes });
