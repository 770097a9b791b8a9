/** `image build`: an image from a shipped template. */
import { zoneError } from '../errors/index.js';
import {
  type BuildChoice,
  buildTemplate,
  formatReference,
  type ImageManifest,
  lockImage,
  type OnProgress,
  parseReference,
  type Template,
  tagChoices,
  tagOfChoice,
  templateNames,
} from '../images/index.js';
import { nearest } from '../spec/index.js';
import type { Lock } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { resolveImageName } from './image-names.js';
import { storeImage } from './image-store.js';

export interface ImageBuildOptions {
  /** The template's default if not given. */
  readonly suite?: string | undefined;
  /** Debian's name; the host's own if not given. */
  readonly arch?: string | undefined;
  /** debian: false builds from the suite alone, without its updates and security fixes. Default true. */
  readonly updates?: boolean | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds anew, also when there is one: zones keep what they were made of.
 *
 * @throws IMAGE_NOT_FOUND no such template · USAGE_BAD_ARGUMENT no such suite or architecture · HOST_TOOL_MISSING,
 * HOST_TOOL_FAILED, RESOURCE_DISK_FULL, TEMPLATE_INVALID
 */
export async function imageBuild(
  host: HostContext,
  reference: string,
  options: ImageBuildOptions = {},
): Promise<ImageManifest> {
  const { recipe } = await resolveImageName(reference);
  if (recipe === undefined) throw await unknownTemplate(reference);
  const { template } = recipe;
  const choice = choose(template, recipe.choice, options);
  const name = formatReference(template.name, tagOfChoice(choice, tagChoices(template)));
  await using _lock = await lockBuild(host, name, options.signal);
  return await buildImage(host, { name, template, choice }, options);
}

/** One build of an image at a time; a second one waits. */
export async function lockBuild({ roots }: HostContext, name: string, signal?: AbortSignal): Promise<Lock> {
  return lockImage(roots, name, { timeoutMs: buildTimeoutMs, signal });
}

/** Longer than a slow mirror takes. */
const buildTimeoutMs = 3_600_000;

/** Call with the build locked. */
export async function buildImage(
  { roots, facts }: HostContext,
  image: { readonly name: string; readonly template: Template; readonly choice: BuildChoice },
  { progress, signal, updates = true }: Pick<ImageBuildOptions, 'progress' | 'signal' | 'updates'>,
): Promise<ImageManifest> {
  const { name, template, choice } = image;
  const { suite, arch } = choice;
  const source = {
    kind: 'template',
    template: template.name,
    ...(suite === undefined ? {} : { suite, updates }),
  } as const;
  const context = { usr: facts.usr, suite, arch, updates, progress, signal };
  return storeImage(roots, { name, source, arch, progress, signal }, (scratch) =>
    buildTemplate(template, { ...context, scratch }),
  );
}

function choose(template: Template, fromTag: BuildChoice, { suite, arch }: ImageBuildOptions): BuildChoice {
  const choices = tagChoices(template);
  checkChoice(template.name, 'suite', suite, choices.suites);
  checkChoice(template.name, 'architecture', arch, choices.arches);
  return { suite: suite ?? fromTag.suite, arch: arch ?? fromTag.arch };
}

function checkChoice(template: string, what: string, wanted: string | undefined, known: readonly string[]): void {
  if (wanted === undefined || known.includes(wanted)) return;
  const near = nearest(wanted, known);
  const there =
    known.length === 0 ? `Template "${template}" has no choice of ${what}.` : `There are: ${known.join(', ')}.`;
  throw zoneError('USAGE_BAD_ARGUMENT', `template "${template}" has no ${what} "${wanted}"`, {
    hint: near === undefined ? there : `Did you mean "${near}"? ${there}`,
    context: { template, [what]: wanted, known },
  });
}

async function unknownTemplate(reference: string): Promise<Error> {
  const { name, tag } = parseReference(reference);
  const known = await templateNames();
  const near = nearest(name, known);
  const about = known.includes(name) ? `template "${name}" has no tag "${tag}"` : `there is no template "${name}"`;
  return zoneError('IMAGE_NOT_FOUND', about, {
    hint: `${near === undefined || near === name ? '' : `Did you mean "${near}"? `}Templates: ${known.join(', ')}.`,
    context: { image: reference, templates: known },
  });
}
