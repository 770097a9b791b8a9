/** A clone that is to lie in another pool than its source: it is made beside that, and then moved, as `set --pool` moves a zone. */
import { zoneError } from '../errors/index.js';
import { changeSpec, parseZoneChange, type ZoneChange, type ZoneSpec } from '../spec/index.js';
import { readZone } from '../state/index.js';
import { discardZone } from './delete-zone.js';
import type { HostContext } from './host-context.js';
import { changeVolume, planVolumeChange } from './set-volume.js';
import { findPoolOf, requireBounds, volumeLimits } from './zone-storage.js';

/** What comes with the move: bounds are those of the pool that it goes to. */
export type CloneMove = Pick<ZoneSpec, 'pool' | 'disk' | 'inodes'>;

interface CloneWish {
  readonly source: { readonly pool: string; readonly spec: ZoneSpec };
  readonly ephemeral: boolean;
  readonly change: ZoneChange;
}

/** What the clone is made with, and what is to be done then. @throws POOL_NOT_FOUND, POOL_CANNOT, USAGE_BAD_ARGUMENT */
export async function planCloneMove(
  { roots }: HostContext,
  { source, ephemeral, change }: CloneWish,
): Promise<{ readonly change: ZoneChange; readonly move?: CloneMove }> {
  const { pool = source.pool, disk, inodes } = parseZoneChange(change);
  if (pool === source.pool) return { change };
  if (ephemeral) throw staysError(source.pool, pool);
  const wanted = changeSpec(source.spec, { disk, inodes });
  await requireBounds(roots, await findPoolOf(roots, pool), volumeLimits(wanted));
  const { pool: _pool, ...others } = change;
  const now = { ...others, disk: 'unlimited', inodes: 'unlimited' } as const;
  return { change: now, move: { pool, disk: wanted.disk, inodes: wanted.inodes } };
}

function staysError(pool: string, wanted: string): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `a throw-away clone lies where its source does, in pool "${pool}"`, {
    hint: 'Leave out --pool, or --rm.',
    context: { pool, wanted },
  });
}

/** Call with the clone's lock held. If it cannot be moved, nothing of it is left. @returns its spec @throws RESOURCE_DISK_FULL */
export async function moveClone(
  host: HostContext,
  name: string,
  move: CloneMove,
  signal: AbortSignal | undefined,
): Promise<ZoneSpec> {
  try {
    const record = await readZone(host.roots, name);
    const plan = await planVolumeChange(host, record, changeSpec(record.spec, move), 'both');
    return (await changeVolume(host, record, plan, signal)).spec;
  } catch (error) {
    await discardZone(host, name);
    throw error;
  }
}
