/**
 * What images are called: `name` or `name:tag`; those of registries as `registry/reference.ts` says.
 *
 * `name:latest` is `name`. Images of a template with suites are tagged `SUITE`, `ARCH` or `SUITE-ARCH`; what is the
 * default is left out: `debian` is the default suite for this machine, `debian:trixie` another one, `debian:i386` and
 * `debian:trixie-i386` for another architecture. So `debian:bookworm` and `debian` are one image, not two.
 */
import { zoneError } from '../errors/index.js';
import { imagePattern } from '../spec/index.js';
import { parseRegistryReference } from './registry/reference.js';

/** What a template can be built for. */
export interface TagChoices {
  readonly defaultSuite: string | undefined;
  readonly suites: readonly string[];
  readonly arches: readonly string[];
  readonly nativeArch: string;
}

export interface BuildChoice {
  readonly suite: string | undefined;
  readonly arch: string;
}

/** @throws USAGE_BAD_ARGUMENT */
export function parseReference(text: string): { readonly name: string; readonly tag: string | undefined } {
  if (!imagePattern.test(text)) {
    throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" is not an image name`, {
      hint: 'A name starts with a letter or digit, then a-z 0-9 _ . -, at most 63; a tag may follow after ":". Of a registry: HOST/PATH[:TAG].',
      context: { image: text },
    });
  }
  const ofRegistry = parseRegistryReference(text);
  if (ofRegistry !== undefined) return { name: ofRegistry.name, tag: undefined };
  const [name = '', tag] = text.split(':');
  return { name, tag: tag === 'latest' ? undefined : tag };
}

export function formatReference(name: string, tag: string | undefined): string {
  return tag === undefined ? name : `${name}:${tag}`;
}

/** What a tag asks for, or `undefined` if it is no suite or architecture of the template's. */
export function choiceOfTag(tag: string | undefined, choices: TagChoices): BuildChoice | undefined {
  const { defaultSuite, nativeArch } = choices;
  if (tag === undefined) return { suite: defaultSuite, arch: nativeArch };
  if (choices.suites.includes(tag)) return { suite: tag, arch: nativeArch };
  if (choices.arches.includes(tag)) return { suite: defaultSuite, arch: tag };
  const dash = tag.lastIndexOf('-');
  const [suite, arch] = [tag.slice(0, dash), tag.slice(dash + 1)];
  return dash > 0 && choices.suites.includes(suite) && choices.arches.includes(arch) ? { suite, arch } : undefined;
}

/** The one tag of a choice; `undefined` for the default. */
export function tagOfChoice({ suite, arch }: BuildChoice, choices: TagChoices): string | undefined {
  const parts = [
    ...(suite === undefined || suite === choices.defaultSuite ? [] : [suite]),
    ...(arch === choices.nativeArch ? [] : [arch]),
  ];
  return parts.length === 0 ? undefined : parts.join('-');
}
