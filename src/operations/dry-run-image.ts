/** `--dry-run` of the verbs that make, write or prune images. Nothing is changed. */
import { basename, resolve } from 'node:path';
import { checkTemplate, findImage, isPulled, listImages, listPulls, planSteps, readSteps } from '../images/index.js';
import { type OciImage, parseArch, readLayout, requireSize } from '../images/oci/index.js';
import { hasLayer, listLayers, listOutlines, strayBlobs, strayStaging } from '../storage/index.js';
import { listSteps, removalOf } from './dry-run-archive.js';
import { type DryRun, type DryStep, plainStep } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import { decideBuild, type ImageBuildOptions } from './image-build.js';
import { checkImageExport, type ImageExportOptions } from './image-export.js';
import { checkImageImport, type ImageImportOptions, isDirectory, notAnArchive, openSource } from './image-import.js';
import { limitsOfImage } from './image-limits.js';
import { resolveImageName } from './image-names.js';
import { findRemote, type ImagePullOptions } from './image-pull.js';
import { requireReadableZones, unusedLayers } from './image-store.js';
import { layersOf } from './store-oci-image.js';

/** Of a layered template: which steps are done, and which layers are taken as they are. @throws as `imageBuild`, before it begins */
export async function dryRunImageBuild(
  host: HostContext,
  reference: string,
  options: ImageBuildOptions = {},
): Promise<DryRun> {
  const { name, template, folder, choice } = await decideBuild(reference, options);
  await checkTemplate(template, options);
  const operation = 'image build';
  if (template.kind !== 'layered') {
    const what = [template.name, choice.suite, choice.arch].filter((word) => word !== undefined).join(' ');
    const build = plainStep('layer.unpack', `make a layer of template ${what}`);
    return { operation, name, steps: [build, ...(await listSteps(host, name, []))] };
  }
  const { name: base } = await resolveImageName(template.base);
  const image = await findImage(host.roots, base);
  const list = plainStep('image.list', `list image ${name}`);
  if (image === undefined) {
    const first = plainStep('image.ensure', `build or pull image ${base}, which template ${template.name} stands on`);
    const steps = template.steps.map((_, index) => plainStep('layer.step', `make a layer of step ${index + 1}`));
    return { operation, name, steps: [first, ...steps, list] };
  }
  const known = options.noCache === true ? {} : await readSteps(host.roots);
  const steps = await Promise.all(
    (await planSteps(template, folder, image)).map(async ({ key, describe }) => {
      const digest = known[key]?.digest;
      const isThere = digest !== undefined && (await hasLayer(host.roots, digest));
      return isThere ? [] : [plainStep('layer.step', `make a layer: ${describe}`)];
    }),
  );
  const health =
    template.healthcheck === undefined
      ? []
      : [plainStep('image.health', 'start a zone of it, to see whether it is healthy')];
  return { operation, name, steps: [...steps.flat(), ...health, list] };
}

/** The registry is asked what the name means now. @throws as `imagePull`, before it fetches a layer */
export async function dryRunImagePull(
  host: HostContext,
  reference: string,
  options: ImagePullOptions = {},
): Promise<DryRun> {
  const { image, known } = await findRemote(host.roots, reference, options);
  const { name } = await resolveImageName(reference);
  if (known !== undefined) return { operation: 'image pull', name, steps: [] };
  requireSize(image, limitsOfImage(options).maxBytes);
  const steps = await layerSteps(host, image, 'fetch and unpack');
  return { operation: 'image pull', name, steps: [...steps, ...(await listSteps(host, name, layersOf(image)))] };
}

/** An archive is not read, nor is a pipe: only what is said of it can be checked. @throws as `imageImport`, before it reads the archive */
export async function dryRunImageImport(host: HostContext, options: ImageImportOptions): Promise<DryRun> {
  const { source, ref, signal } = options;
  const name = await checkImageImport(host.roots, options);
  const arch = options.arch === undefined ? undefined : parseArch(options.arch);
  const plan = (steps: readonly DryStep[]): DryRun => ({ operation: 'image import', name, steps });
  if (typeof source === 'string' && (await isDirectory(source))) {
    const layout = await readLayout(source, { arch, ref, signal });
    if (layout === undefined) throw notAnArchive(source);
    requireSize(layout.image, limitsOfImage(options).maxBytes);
    const steps = await layerSteps(host, layout.image, 'unpack');
    return plan([...steps, ...(await listSteps(host, name, layersOf(layout.image)))]);
  }
  if (typeof source === 'string') {
    // Whether it can be opened.
    await using _opened = await openSource(source, signal);
  }
  const from = typeof source === 'string' ? basename(source) : 'standard input';
  return plan([plainStep('layer.unpack', `make a layer of ${from}`), ...(await listSteps(host, name, []))]);
}

/** @throws as `imageExport`, before it writes */
export async function dryRunImageExport(
  host: HostContext,
  reference: string,
  options: ImageExportOptions,
): Promise<DryRun> {
  const { image, format } = await checkImageExport(host.roots, reference, options);
  const { destination } = options;
  const where = typeof destination === 'string' ? resolve(destination) : 'standard output';
  const what = format === 'tar' ? 'an archive' : 'a directory';
  const text = `write ${image.layers.length} layers of image ${image.name} to ${where}, as ${what} with an OCI layout`;
  return { operation: 'image export', name: image.name, steps: [plainStep('layout.write', text)] };
}

/** @throws STATE_CORRUPT */
export async function dryRunImagePrune({ roots }: HostContext): Promise<DryRun> {
  const pulls = await listPulls(roots);
  const goOn = await Promise.all(pulls.map((pull) => isPulled(roots, pull)));
  const left = pulls.filter((_, index) => goOn[index] === true);
  const blobs = await strayBlobs(roots, new Set(left.flatMap((pull) => pull.blobs)));
  await requireReadableZones(roots);
  const layers = await unusedLayers(roots, await listImages(roots), { pulls: left, steps: {} });
  const kept = (await listLayers(roots)).filter((digest) => !layers.includes(digest));
  const outlines = (await listOutlines(roots)).filter((digest) => ![...kept, ...layers].includes(digest));
  const cached = Object.keys(await readSteps(roots)).length;
  const steps = [
    ...(await strayStaging(roots)).map((path) => plainStep('staging.remove', `remove ${path}`)),
    ...pulls
      .filter((pull) => !left.includes(pull))
      .map(({ name }) => plainStep('pull.drop', `forget the pull of ${name}`)),
    ...blobs.map((digest) => plainStep('blob.remove', `remove what was fetched of ${digest}`)),
    ...(cached === 0 ? [] : [plainStep('steps.forget', `forget ${cached} steps of templates`)]),
    ...layers.map(removalOf),
    ...outlines.map((digest) => plainStep('outline.remove', `remove what is known of ${digest}`)),
  ];
  return { operation: 'image prune', name: 'all images', steps };
}

async function layerSteps({ roots }: HostContext, image: OciImage, verb: string): Promise<DryStep[]> {
  const sizes = new Map(image.layers.map(({ diffId, blob }) => [diffId, blob.size]));
  const there = await Promise.all([...sizes.keys()].map((digest) => hasLayer(roots, digest)));
  const missing = [...sizes].filter((_, index) => there[index] !== true);
  return missing.map(([digest, bytes]) => plainStep('layer.unpack', `${verb} layer ${digest} (${bytes} bytes packed)`));
}
