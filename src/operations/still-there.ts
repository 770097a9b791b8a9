/** Names that vanish are left out by the packer: so does a zone that runs. If the zone itself went, what was packed is a part of it. */
import { zoneError } from '../errors/index.js';
import { findSnapshot, findZone, type Roots, type SnapshotRecord } from '../state/index.js';

/** Call when all has been packed, before it is told to be whole. @throws ZONE_STATE */
export type RequireStillThere = () => Promise<void>;

/** Of what is locked. */
export const isLocked: RequireStillThere = () => Promise.resolve();

/**
 * @param identify tells one volume of the zone from another, undefined if there is none: a restore, a move and a deletion put another one
 * in its place, or none
 */
export async function zoneStillThere(
  roots: Roots,
  zone: string,
  identify: () => Promise<string | undefined>,
): Promise<RequireStillThere> {
  const was = await identify();
  return async () => {
    const isThere = was !== undefined && (await findZone(roots, zone)) !== undefined && (await identify()) === was;
    if (!isThere) throw goneError(zone, `zone "${zone}" was stopped and changed, or deleted, while it was read`);
  };
}

export function snapshotStillThere(
  roots: Roots,
  zone: string,
  { name, createdAtMs }: SnapshotRecord,
): RequireStillThere {
  return async () => {
    if ((await findSnapshot(roots, zone, name))?.createdAtMs === createdAtMs) return;
    throw goneError(zone, `snapshot "${zone}@${name}" was deleted while it was read`);
  };
}

function goneError(zone: string, message: string): Error {
  return zoneError('ZONE_STATE', message, {
    hint: 'See "tszone list" for what there is, then repeat the command; what has gone into a pipe is not whole.',
    context: { zone },
  });
}
