/** One build of one image, by the kind of its template. */
import { zoneError } from '../errors/index.js';
import { buildTemplate, type ImageManifest, lockImage, type OnProgress } from '../images/index.js';
import type { Lock } from '../state/index.js';
import { buildLayered } from './build-layered.js';
import type { HostContext } from './host-context.js';
import type { BuildRecipe } from './image-names.js';
import { storeImage } from './image-store.js';

export interface BuildOptions {
  /** debian: false builds from the suite alone, without its updates and security fixes. Default true. */
  readonly updates?: boolean | undefined;
  /** layered: steps that were done are done again. */
  readonly noCache?: boolean | undefined;
  /** archive: a file or an http(s) address, instead of the template's. */
  readonly from?: string | undefined;
  /** archive: of that, sha256:… */
  readonly digest?: string | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The image of that name, built if it has to be. */
type Ensure = (
  host: HostContext,
  reference: string,
  options: { readonly pull: 'missing' } & Pick<BuildOptions, 'progress' | 'signal'>,
) => Promise<ImageManifest>;

export interface ImageRecipe extends BuildRecipe {
  readonly name: string;
  /** For the base of a layered template. */
  readonly ensure: Ensure;
}

/** One build of an image at a time; a second one waits. */
export async function lockBuild({ roots }: HostContext, name: string, signal?: AbortSignal): Promise<Lock> {
  return lockImage(roots, name, { timeoutMs: buildTimeoutMs, signal });
}

/** Longer than a slow mirror takes. */
const buildTimeoutMs = 3_600_000;

/** Call with the build locked. */
export async function buildImage(host: HostContext, image: ImageRecipe, options: BuildOptions): Promise<ImageManifest> {
  const { roots, facts } = host;
  const { name, template, choice, folder, ensure } = image;
  const { updates = true, from, digest, progress, signal } = options;
  if (template.kind === 'layered') {
    if (template.base === name) throw ownBase(name);
    const base = await ensure(host, template.base, { pull: 'missing', progress, signal });
    return buildLayered(host, { name, template, folder, base }, options);
  }
  const { suite, arch } = choice;
  const source = {
    kind: 'template',
    template: template.name,
    ...(suite === undefined ? {} : { suite, updates }),
  } as const;
  const context = { usr: facts.usr, suite, arch, updates, from, digest, progress, signal };
  return storeImage(roots, { name, source, arch, progress, signal }, (scratch) =>
    buildTemplate(template, { ...context, scratch }),
  );
}

function ownBase(name: string): Error {
  return zoneError('TEMPLATE_INVALID', `template "${name}" is its own base`, {
    hint: 'Give the template another "name", or another "base".',
    context: { image: name },
  });
}
