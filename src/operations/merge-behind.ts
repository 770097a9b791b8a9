/** Layers that have become too many are put together when what made the last of them has been answered (decision 0028). */
import { findZone, type Lock, type Roots } from '../state/index.js';
import { boundary } from './boundaries.js';
import { flattenLayers, mostLayers } from './flatten-layers.js';
import { newLayerId } from './freeze-zone.js';
import type { OperationOptions } from './zone-lock.js';
import { readLaunch } from './zone-ref.js';

export interface BehindOptions extends OperationOptions {
  /**
   * Called before the answer, if there is anything left to do behind it: with what that comes to, a sentence that a user should read, if it fails.
   * Without it that is waited for.
   */
  readonly behind?: ((rest: Promise<string | undefined>) => void) | undefined;
}

export interface Merging {
  readonly roots: Roots;
  readonly zone: string;
  /** The zone's; released when all is done. */
  readonly lock: Lock;
  readonly options: BehindOptions;
}

/** What is made stays, whatever becomes of the merge: the next snapshot or clone of the stopped zone tries again. */
export async function thenMerge<T extends { readonly notes: readonly string[] }>(
  { roots, zone, lock, options: { behind } }: Merging,
  work: () => Promise<T>,
): Promise<T> {
  let isLeft = false;
  try {
    const late = (await chainOf(roots, zone)) > mostLayers ? [overdue(zone)] : [];
    const result = await work();
    const notes = [...late, ...result.notes];
    if ((await chainOf(roots, zone)) <= mostLayers || (await readLaunch(roots, zone)) !== undefined)
      return { ...result, notes };
    const rest = merge(roots, zone).finally(() => lock.release());
    isLeft = true;
    if (behind === undefined) return { ...result, notes: [...notes, ...said(await rest)] };
    // It may be asked for later than it fails.
    rest.catch(() => {});
    behind(rest);
    boundary('flatten', zone, 'left');
    return { ...result, notes };
  } finally {
    if (!isLeft) await lock.release();
  }
}

const said = (note: string | undefined) => (note === undefined ? [] : [note]);

const overdue = (zone: string) =>
  `the layers of zone "${zone}" could not be put together yet: it failed, was cut short, or the zone ran; it is tried again`;

async function chainOf(roots: Roots, zone: string): Promise<number> {
  return (await findZone(roots, zone))?.storage?.layers.length ?? 0;
}

/** @returns a sentence that a user should read */
async function merge(roots: Roots, zone: string): Promise<string | undefined> {
  try {
    const record = await findZone(roots, zone);
    if (record !== undefined) await flattenLayers(roots, record, newLayerId());
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `the layers of zone "${zone}" could not be put together, the next snapshot or clone tries again: ${reason}`;
  }
}
