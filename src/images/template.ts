/** Templates: one folder of rootfs-templates/ each, `template.json` says as data how the image is built. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { zoneError } from '../errors/index.js';
import { readdir, readFile } from '../host/quick-fs.js';
import { imagePattern, limitEntries, nearest } from '../spec/index.js';
import { isErrno, parsedOnce } from '../state/index.js';
import { nativeArch } from './arch.js';
import { digestSchema, imageConfigSchema } from './manifest.js';
import type { TagChoices } from './reference.js';
import { fileEntries, healthcheckSchema, oneStepSchema, stepSchema } from './template-step.js';

const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.pipe(schema, v.description(description));
const words = v.pipe(v.array(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9.+-]*$/, 'is not a name'))));

const common = {
  templateVersion: described(v.literal(1), 'the form of this file'),
  name: described(v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/, 'is not a name')), "the image's name"),
  description: described(v.pipe(v.string(), v.nonEmpty()), 'one line for "image list"'),
  config: described(v.optional(imageConfigSchema, {}), 'what zones of the image run, if they do not say otherwise'),
};

const sparseTemplate = v.strictObject({
  ...common,
  kind: v.literal('sparse'),
  copy: described(v.array(v.string()), 'files, links and directories below /etc that are copied if all may read them'),
});

const busyboxTemplate = v.strictObject({
  ...common,
  kind: v.literal('busybox'),
  package: described(v.string(), "Debian's package with a static busybox, if the host has none"),
});

const suiteSchema = v.strictObject({
  name: described(v.string(), 'code name'),
  updates: described(v.optional(v.boolean(), true), 'the suites SUITE-updates and SUITE-security exist'),
});

const debianTemplate = v.strictObject({
  ...common,
  kind: v.literal('debian'),
  mirror: described(v.pipe(v.string(), v.url()), "where packages come from, if the host's apt has no Debian mirror"),
  securityMirror: described(v.pipe(v.string(), v.url()), 'the same for SUITE-security'),
  suites: described(v.pipe(v.array(suiteSchema), v.minLength(1)), 'the first one is the default'),
  arches: described(v.pipe(words, v.minLength(1)), "by Debian's names; the host's own is the default"),
  components: described(v.pipe(words, v.minLength(1)), 'parts of the archive'),
  packages: described(words, 'on top of minbase'),
});

const archiveTemplate = v.strictObject({
  ...common,
  kind: v.literal('archive'),
  url: described(
    v.exactOptional(v.pipe(v.string(), v.url())),
    'where the archive is; without it, "image build --from" says so',
  ),
  digest: described(
    v.exactOptional(digestSchema),
    'sha256:… of the archive as it comes; without it, "image build --digest" says so',
  ),
});

const layeredTemplate = v.strictObject({
  ...common,
  kind: v.literal('layered'),
  base: described(
    v.pipe(v.string(), v.regex(imagePattern, 'is not the name of an image')),
    'the image that it builds on',
  ),
  steps: described(
    v.pipe(v.array(oneStepSchema), v.minLength(1)),
    'in order; each becomes a layer, and is not done again while nothing before it changes',
  ),
  healthcheck: described(
    v.exactOptional(healthcheckSchema),
    'a command that has to succeed in a zone of the image before the image is listed',
  ),
});

export const templateSchema = v.variant('kind', [
  sparseTemplate,
  busyboxTemplate,
  debianTemplate,
  archiveTemplate,
  layeredTemplate,
]);

export type SparseTemplate = v.InferOutput<typeof sparseTemplate>;
export type BusyboxTemplate = v.InferOutput<typeof busyboxTemplate>;
export type DebianTemplate = v.InferOutput<typeof debianTemplate>;
export type ArchiveTemplate = v.InferOutput<typeof archiveTemplate>;
export type LayeredTemplate = v.InferOutput<typeof layeredTemplate>;
export type Template = v.InferOutput<typeof templateSchema>;

const knownKeys = [
  ...new Set(templateSchema.options.flatMap((schema) => Object.keys(schema.entries))),
  ...Object.keys(stepSchema.entries),
  ...Object.keys(fileEntries),
  ...Object.keys(healthcheckSchema.entries),
  ...Object.keys(suiteSchema.entries),
  ...Object.keys(imageConfigSchema.entries),
  ...Object.keys(limitEntries),
];

let shippedDirectory: string | undefined;

/** Works from src, from dist and from one bundled file inside the package. */
export function templatesDirectory(): string {
  if (shippedDirectory !== undefined) return shippedDirectory;
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; directory !== dirname(directory); directory = dirname(directory)) {
    const path = join(directory, 'rootfs-templates');
    if (existsSync(path)) {
      shippedDirectory = path;
      return path;
    }
  }
  throw new Error(`rootfs-templates is missing above ${start}`);
}

export const templateFolder = (name: string): string => join(templatesDirectory(), name);

/** Names of the shipped templates, sorted. */
export async function templateNames(directory = templatesDirectory()): Promise<string[]> {
  const names = await parsedOnce(directory, async () => {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  });
  return names ?? [];
}

/** @throws TEMPLATE_INVALID */
export async function listTemplates(directory = templatesDirectory()): Promise<Template[]> {
  return Promise.all((await templateNames(directory)).map((name) => readTemplate(join(directory, name))));
}

/** The shipped template of that name. @throws TEMPLATE_INVALID */
export async function findTemplate(name: string, directory = templatesDirectory()): Promise<Template | undefined> {
  if (!(await templateNames(directory)).includes(name)) return undefined;
  return readTemplate(join(directory, name));
}

/** @param folder holds template.json @throws TEMPLATE_INVALID with every issue */
export async function readTemplate(folder: string): Promise<Template> {
  const path = join(folder, 'template.json');
  const template = await parsedOnce(path, () => readNow(path));
  if (template === undefined) throw invalid(path, ['is not there']);
  return template;
}

async function readNow(path: string): Promise<Template> {
  const value = parseJson(path, await readText(path));
  const result = v.safeParse(templateSchema, value);
  if (!result.success) throw invalid(path, result.issues.map(readable));
  const limits = v.safeParse(limitsSchema, result.output.config.limits ?? {});
  if (limits.success) return result.output;
  throw invalid(
    path,
    limits.issues.map((issue) => `"config.limits.${String(issue.path?.[0]?.key)}" ${issue.message}`),
  );
}

/** As the zones that take them will read them. */
const limitsSchema = v.partial(v.strictObject(limitEntries));

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw zoneError('TEMPLATE_INVALID', `there is no template at "${dirname(path)}"`, {
      hint: `A template is a folder with a template.json; docs/reference/templates.md says what is in it.`,
      context: { path },
      cause,
    });
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.replace(/\s+/g, ' ') : '';
    throw invalid(path, [`it is no JSON: ${said}${placeIn(text, said)}`], cause);
  }
}

/** For a few mistakes node says no position, and from version 22 on the line itself. */
function placeIn(text: string, said: string): string {
  const at = /at position (\d+)$/.exec(said)?.[1];
  if (at === undefined) return '';
  const before = text.slice(0, Number(at)).split('\n');
  return `, which is line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

function readable(issue: v.BaseIssue<unknown>): string {
  const at = (issue.path ?? []).map((item) => String(item.key)).join('.');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const near = nearest(at.split('.').at(-1) ?? '', knownKeys);
    return `"${at}" is not known${near === undefined ? '' : `; did you mean "${near}"?`}`;
  }
  return `"${at}" ${issue.received === 'undefined' ? 'is missing' : issue.message}`;
}

function invalid(path: string, issues: readonly string[], cause?: unknown): Error {
  return zoneError('TEMPLATE_INVALID', `template "${path}" is not valid: ${issues.join(', ')}`, {
    hint: `Correct "${path}"; docs/reference/templates.md lists the keys.`,
    context: { path, issues },
    cause,
  });
}

/** What may stand behind the colon in a reference to the template's image. */
export function tagChoices(template: Template): TagChoices {
  const suites = template.kind === 'debian' ? template.suites.map((suite) => suite.name) : [];
  const arches = template.kind === 'debian' ? template.arches : [nativeArch];
  return { defaultSuite: suites[0], suites, arches, nativeArch };
}
