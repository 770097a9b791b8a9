/** Volumes and layers that have to be mounted to be looked into. */
import type { HostOp } from '../plan/index.js';
import type { Roots } from '../state/index.js';
import { runTransaction, undoAll } from './transaction.js';

/** Mounted for as long as `body` takes, also if that fails; after a kill, whoever gets `zone`'s lock next takes it away. Call with that lock held. */
export function withOpened<T>(
  roots: Roots,
  {
    zone,
    ops,
    signal,
  }: { readonly zone: string; readonly ops: readonly HostOp[]; readonly signal?: AbortSignal | undefined },
  body: () => Promise<T>,
): Promise<T> {
  const kind = { operation: 'open', recovery: 'back', completeIfRunning: false, place: 'run' } as const;
  return runTransaction({ ...kind, roots, zone, ops, signal }, async () => {
    const result = await body();
    const [failure] = await undoAll(ops);
    if (failure !== undefined) throw failure;
    return result;
  });
}
