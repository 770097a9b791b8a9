/** `image build` of a layered template: its base, then its steps; what was done before is taken from the cache. */
import { zoneError } from '../errors/index.js';
import {
  changeImages,
  type ImageManifest,
  type LayeredTemplate,
  type OnProgress,
  planSteps,
  readSteps,
  withImagesLocked,
} from '../images/index.js';
import { hasLayer, sweepStaging } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { buildStep } from './build-step.js';
import { checkHealth } from './check-health.js';
import type { HostContext } from './host-context.js';
import { zoneImageOf } from './zone-image.js';

export interface LayeredOptions {
  /** Steps that were done are done again. */
  readonly noCache?: boolean | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface LayeredRecipe {
  readonly name: string;
  readonly template: LayeredTemplate;
  /** Of the template. */
  readonly folder: string;
  readonly base: ImageManifest;
}

/**
 * The image is listed when it is whole and, where the template says how to tell, healthy. Layers of steps that were done stay for the next build.
 *
 * @throws IMAGE_BUILD_FAILED, TEMPLATE_INVALID; what a zone's start throws
 */
export async function buildLayered(
  host: HostContext,
  recipe: LayeredRecipe,
  options: LayeredOptions,
): Promise<ImageManifest> {
  const { name, template, folder, base } = recipe;
  const { roots } = host;
  await sweepStaging(roots);
  const steps = await planSteps(template, folder, base);
  const known = options.noCache === true ? {} : await readSteps(roots);
  const layers = [...base.layers];
  let { sizeBytes } = base;
  for (const step of steps) {
    const cached = known[step.key];
    const isThere = cached !== undefined && (await hasLayer(roots, cached.digest));
    const done = isThere ? cached : await buildStep(host, { ...zoneImageOf(base), layers: [...layers] }, step, options);
    layers.unshift(done.digest);
    sizeBytes += done.sizeBytes;
  }
  const manifest: ImageManifest = {
    manifestVersion: 1,
    name,
    kind: base.kind,
    layers,
    arch: base.arch,
    createdAt: new Date().toISOString(),
    sizeBytes,
    source: { kind: 'template', template: template.name },
    config: { ...base.config, ...template.config, env: { ...base.config.env, ...template.config.env } },
  };
  if (template.healthcheck !== undefined) await checkHealth(host, zoneImageOf(manifest), template.healthcheck, options);
  options.signal?.throwIfAborted();
  await withImagesLocked(roots, async () => {
    for (const digest of layers) if (!(await hasLayer(roots, digest))) throw vanished(name, digest);
    await changeImages(roots, (table) => ({ ...table, [name]: manifest }));
  });
  boundary('build', name, 'list');
  return manifest;
}

/** Pruned by somebody between its making and now. */
function vanished(name: string, digest: string): Error {
  return zoneError('IMAGE_BUILD_FAILED', `a layer of image "${name}" was removed while it was built`, {
    hint: 'Repeat the command; do not prune meanwhile.',
    context: { image: name, digest },
  });
}
