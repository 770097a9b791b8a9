/**
 * Doing a list of host ops so that a failure or a kill at any instant can be taken back: the whole list is written to
 * the zone's journal first, ops are applied in order, and undone in reverse when one fails.
 */
import { ZoneError, zoneError } from '../errors/index.js';
import { applyHostOp, type HostOp, undoHostOp } from '../plan/host-ops.js';
import type { HostOpBase } from '../spec/index.js';
import { diskFull, dropJournal, type Journal, type Roots, writeJournal } from '../state/index.js';
import { boundary } from './boundaries.js';

export type TransactionOptions = Omit<Journal, 'version'> & {
  readonly roots: Roots;
  /** Another journal, and what it leads to, say what is to be undone after a kill. */
  readonly isCovered?: boolean | undefined;
  /** Journaled and undone as the ops are, but applied when the body says so. */
  readonly later?: readonly HostOpBase[] | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Applies the ops, then runs `body`, with the zone's lock held by the caller. On failure everything is undone (recovery
 * `back`) or left to the next command (`forward`), and the first error is thrown; failures of the undo are in its context.
 */
export async function runTransaction<T>(
  { later = [], ops: first, ...options }: TransactionOptions,
  body: (applyLater: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { roots, signal, isCovered, ...kind } = options;
  const journal = { ...kind, ops: [...first, ...later] };
  const { operation, zone, recovery } = journal;
  const report = (step: string) => boundary(operation, zone, step);
  const apply = async (ops: readonly HostOpBase[]) => {
    for (let at = 0; at < ops.length; ) {
      signal?.throwIfAborted();
      const together = sideBySide(ops, at);
      const results = await Promise.allSettled(together.map(applyHostOp));
      for (const [index, result] of results.entries()) {
        if (result.status === 'rejected') throw result.reason;
        report(`apply ${together[index]?.op}`);
      }
      at += together.length;
    }
  };
  if (isCovered !== true) await writeJournal(roots, { ...journal, version: 1 });
  report('journal');
  try {
    await apply(first);
    const result = await body(() => apply(later));
    if (isCovered !== true) await dropJournal(roots, journal);
    report('done');
    return result;
  } catch (error) {
    const reason = asDiskFull(error);
    if (recovery === 'forward') throw reason;
    throw await takeBack({ ...journal, roots, isCovered }, reason);
  }
}

/** The first part is done; of the rest nobody needs to wait but who wants the zone next. */
export interface Underway {
  readonly rest: Promise<void>;
}

/** @returns when `work` says so, or has ended @throws as it does, until then */
export function untilSaid(work: (say: () => void) => Promise<void>): Promise<Underway> {
  return new Promise((resolve, reject) => {
    const rest: Promise<void> = work(() => resolve({ rest }));
    rest.then(() => resolve({ rest }), reject);
  });
}

export type TwoPartOptions = Pick<
  TransactionOptions,
  'roots' | 'operation' | 'zone' | 'completeIfRunning' | 'place'
> & {
  /** What can fail and be taken back. */
  readonly back: readonly HostOp[];
  /** What is then only ever completed: it says so in the journal's place. */
  readonly forward: () => Promise<readonly HostOp[]>;
  /** What comes after that. */
  readonly last?: () => Promise<readonly HostOp[]>;
  /** Called in between. */
  readonly say?: () => void;
};

/** First what is undone after a failure or a kill, then what is completed; nothing in between. */
export async function runInTwo({ back, forward, last, say, ...options }: TwoPartOptions): Promise<void> {
  const { roots, ...kind } = options;
  const first = { ...kind, version: 1, recovery: 'back', ops: back } as const;
  await writeJournal(roots, first);
  const report = (step: string) => boundary(kind.operation, kind.zone, step);
  report('journal');
  let second: Journal;
  let kept: readonly HostOp[];
  try {
    for (const op of back) {
      await applyHostOp(op);
      report(`apply ${op.op}`);
    }
    kept = await forward();
    second = { ...kind, version: 1, recovery: 'forward', ops: [...kept, ...((await last?.()) ?? [])] };
    await writeJournal(roots, second);
    report('journal forward');
  } catch (error) {
    throw await takeBack({ ...first, roots }, asDiskFull(error));
  }
  for (const [index, op] of second.ops.entries()) {
    if (index === kept.length) say?.();
    await applyHostOp(op);
    report(`apply ${op.op}`);
  }
  await dropJournal(roots, second);
  report('done');
}

/** Whichever step it was that the kernel had no room for. */
function asDiskFull(error: unknown): unknown {
  const path = error instanceof Error && 'path' in error ? String(error.path) : 'what is to be written';
  return diskFull(error, path);
}

/** Each has a lock of its own to wait for, and nothing to do with the other. */
const leases: readonly string[] = ['state.ids-lease', 'state.addresses-lease'];

/** The op there, with those that need not wait for it. */
function sideBySide(ops: readonly HostOpBase[], at: number): readonly HostOpBase[] {
  let end = at;
  while (end < ops.length && leases.includes(ops[end]?.op ?? '')) end += 1;
  return ops.slice(at, Math.max(end, at + 1));
}

/** The journal stays if something could not be undone: the next command tries again. */
async function takeBack(options: TransactionOptions, error: unknown): Promise<unknown> {
  const failures = await undoAll(options.ops, (op) => boundary(options.operation, options.zone, `undo ${op.op}`));
  if (failures.length === 0) {
    if (options.isCovered !== true) await dropJournal(options.roots, options);
    return error;
  }
  return withUndoFailures(error, failures);
}

/** Undoes in reverse; a failure does not stop the rest. */
export async function undoAll(
  ops: readonly HostOpBase[],
  done: (op: HostOpBase) => void = () => {},
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const op of ops.toReversed()) {
    try {
      await undoHostOp(op);
      done(op);
    } catch (failure) {
      failures.push(failure);
    }
  }
  return failures;
}

function withUndoFailures(error: unknown, failures: readonly unknown[]): unknown {
  const undoFailures = failures.map((failure) =>
    failure instanceof ZoneError ? failure.toJSON().error : String(failure),
  );
  if (!(error instanceof ZoneError)) {
    const message = error instanceof Error ? error.message : String(error);
    return zoneError('INTERNAL', message, { context: { undoFailures }, cause: error });
  }
  Object.assign(error, { context: { ...error.context, undoFailures } });
  return error;
}

/**
 * Applies ops without a journal: for changes that are undone at once if one of them, or what comes `last`, fails, and mean nothing after a
 * crash.
 */
export async function applyAll(ops: readonly HostOpBase[], last: () => Promise<void> = async () => {}): Promise<void> {
  const done: HostOpBase[] = [];
  try {
    for (const op of ops) {
      await applyHostOp(op);
      done.push(op);
    }
    await last();
  } catch (error) {
    const failures = await undoAll(done);
    throw failures.length === 0 ? error : withUndoFailures(error, failures);
  }
}
