/** What a layer's archive is made of again. */
import type { LayerDirectory } from '../images/layer-archive.js';
import type { Roots } from '../state/index.js';
import { layerDirectory, outlinePath, readLayerFacts } from '../storage/index.js';

export async function layerSource(roots: Roots, digest: string): Promise<LayerDirectory> {
  const facts = await readLayerFacts(roots, digest);
  const outline = facts?.exact === true ? outlinePath(roots, digest) : undefined;
  return { directory: layerDirectory(roots, digest), outline };
}
