/** `image build`: an image from a template, shipped or of the user's own. */
import { zoneError } from '../errors/index.js';
import {
  type BuildChoice,
  formatReference,
  type ImageManifest,
  nativeArch,
  parseReference,
  readTemplate,
  type Template,
  tagChoices,
  tagOfChoice,
  templateNames,
} from '../images/index.js';
import { nearest } from '../spec/index.js';
import { type BuildOptions, buildImage, lockBuild } from './build-image.js';
import { ensureManifest } from './ensure-image.js';
import type { HostContext } from './host-context.js';
import { type BuildRecipe, resolveImageName } from './image-names.js';

export interface ImageBuildOptions extends BuildOptions {
  /** The template's default if not given. */
  readonly suite?: string | undefined;
  /** Debian's name; the host's own if not given. */
  readonly arch?: string | undefined;
}

/** A shipped template's name, or the path of a folder with a template.json. */
async function findRecipe(reference: string): Promise<BuildRecipe> {
  if (/^\.{0,2}\//.test(reference)) {
    const template = await readTemplate(reference);
    return { template, folder: reference, choice: { suite: tagChoices(template).defaultSuite, arch: nativeArch } };
  }
  const { recipe } = await resolveImageName(reference);
  if (recipe === undefined) throw await unknownTemplate(reference);
  return recipe;
}

/**
 * Builds anew, also when there is one: zones keep what they were made of.
 *
 * @throws IMAGE_NOT_FOUND no such template · USAGE_BAD_ARGUMENT no such suite or architecture · HOST_TOOL_MISSING,
 * HOST_TOOL_FAILED, RESOURCE_DISK_FULL, TEMPLATE_INVALID, IMAGE_BUILD_FAILED
 */
export async function imageBuild(
  host: HostContext,
  reference: string,
  options: ImageBuildOptions = {},
): Promise<ImageManifest> {
  const { name, template, folder, choice } = await decideBuild(reference, options);
  await using _lock = await lockBuild(host, name, options.signal);
  return await buildImage(host, { name, template, choice, folder, ensure: ensureManifest }, options);
}

/** @throws IMAGE_NOT_FOUND, USAGE_BAD_ARGUMENT, TEMPLATE_INVALID */
export async function decideBuild(
  reference: string,
  options: ImageBuildOptions,
): Promise<BuildRecipe & { readonly name: string }> {
  const recipe = await findRecipe(reference);
  const { template } = recipe;
  const choice = choose(template, recipe.choice, options);
  return { ...recipe, choice, name: formatReference(template.name, tagOfChoice(choice, tagChoices(template))) };
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
