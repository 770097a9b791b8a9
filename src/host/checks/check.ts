/** What a check of this host says, and what it may look at. Checks only read: nothing is loaded, started or mounted. */
import type { HostFacts } from '../facts.js';
import type { Mount } from '../mountinfo.js';

export interface Check {
  /** Stable: `limits.inotify-instances`. */
  readonly id: string;
  readonly title: string;
  /** warn: something is limited or missing that not every zone needs. fail: zones cannot be started. */
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  /** A command to paste, or what to change. */
  readonly fix?: string;
}

export interface CheckContext {
  readonly facts: HostFacts;
  /** Persistent data: an existing directory, or one that will be made. */
  readonly root: string;
  /** `undefined` if it cannot be read. */
  read(path: string): string | undefined;
  exists(path: string): boolean;
  readonly mounts: readonly Mount[];
  /** Absolute path of a program. */
  findTool(name: string): string | undefined;
}

export type CheckGroup = (context: CheckContext) => Check[] | Promise<Check[]>;

/** A check with two outcomes. */
export function check(
  id: string,
  title: string,
  outcome: {
    readonly ok: boolean;
    readonly detail: string;
    readonly otherwise?: 'warn' | 'fail';
    readonly fix?: string | undefined;
  },
): Check {
  const status = outcome.ok ? 'ok' : (outcome.otherwise ?? 'warn');
  return {
    id,
    title,
    status,
    detail: outcome.detail,
    ...(outcome.ok || outcome.fix === undefined ? {} : { fix: outcome.fix }),
  };
}
