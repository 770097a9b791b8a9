/** The layer of nothing: below a zone whose own volume has all of its root. */
import { createHash } from 'node:crypto';
import type { Roots } from '../state/index.js';
import { hasLayer, stageLayer } from './layers.js';

/** As of any layer, that of its archive: here, of one that has only its end. */
export const emptyLayer = `sha256:${createHash('sha256').update(Buffer.alloc(1024)).digest('hex')}`;

/** Call with the images locked, until a zone's record names it. */
export async function ensureEmptyLayer(roots: Roots): Promise<void> {
  if (await hasLayer(roots, emptyLayer)) return;
  await using staging = await stageLayer(roots);
  await staging.commit(emptyLayer);
}
