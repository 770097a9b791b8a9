/** From what a user calls an image to the one name under which it is listed, and to the template it can be built from. */
import {
  type BuildChoice,
  choiceOfTag,
  findTemplate,
  formatReference,
  parseReference,
  type Template,
  tagChoices,
  tagOfChoice,
  templateFolder,
} from '../images/index.js';

export interface BuildRecipe {
  readonly template: Template;
  readonly choice: BuildChoice;
  /** Where template.json is, and the files that it names. */
  readonly folder: string;
}

export interface ResolvedName {
  /** `debian` for `debian:latest`, `debian:bookworm` and `debian:bookworm-amd64`. */
  readonly name: string;
  /** With the choice that the tag asks for; `undefined`: nothing that is shipped. */
  readonly recipe: BuildRecipe | undefined;
}

/** @throws USAGE_BAD_ARGUMENT, TEMPLATE_INVALID */
export async function resolveImageName(reference: string): Promise<ResolvedName> {
  const { name, tag } = parseReference(reference);
  const template = await findTemplate(name);
  if (template === undefined) return { name: formatReference(name, tag), recipe: undefined };
  const choices = tagChoices(template);
  const choice = choiceOfTag(tag, choices);
  if (choice === undefined) return { name: formatReference(name, tag), recipe: undefined };
  return {
    name: formatReference(name, tagOfChoice(choice, choices)),
    recipe: { template, choice, folder: templateFolder(template.name) },
  };
}
