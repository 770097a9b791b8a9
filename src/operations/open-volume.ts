/** A start is planned from what is in the zone's volume: where that has to be mounted first, it is. */
import type { ZoneRecord } from '../state/index.js';
import { type Settled, writeDueIdentity } from './due-identity.js';
import type { HostContext } from './host-context.js';
import { runTransaction } from './transaction.js';
import type { OperationOptions } from './zone-lock.js';
import { planOpen, volumeOf } from './zone-storage.js';

export interface OpenOptions extends Pick<OperationOptions, 'signal'> {
  /** Another journal says what is to be undone after a kill. */
  readonly isCovered?: boolean | undefined;
}

/**
 * What the first to mount it has to write is written. Closed again if `body` fails; if it does not, the volume is the zone's that it has started, whose own journal and launch record name
 * it too. Call with the zone's lock held.
 */
export async function withOpenVolume<T>(
  host: HostContext,
  record: ZoneRecord,
  { signal, isCovered }: OpenOptions,
  body: (settled: Settled) => Promise<T>,
): Promise<T> {
  const { roots } = host;
  const ops = planOpen(await volumeOf(roots, record)).prepare;
  if (ops.length === 0) return body(await writeDueIdentity(host, record));
  const kind = { operation: 'start', recovery: 'back', completeIfRunning: true, place: 'run' } as const;
  return runTransaction({ ...kind, roots, zone: record.spec.name, ops, isCovered, signal }, async () =>
    body(await writeDueIdentity(host, record)),
  );
}
