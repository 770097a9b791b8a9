/** What the steps of a layered template are made of, and the key by which a layer that was made of the same is found again. */
import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readlink, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { isErrno } from '../state/index.js';
import type { LayeredTemplate } from './template.js';
import type { TemplateFile, TemplateStep } from './template-step.js';

export interface StepFile {
  readonly path: string;
  readonly content: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export type BuildStep =
  | { readonly kind: 'script'; readonly script: string; readonly describe: string; readonly key: string }
  | { readonly kind: 'files'; readonly files: readonly StepFile[]; readonly describe: string; readonly key: string };

/** What is done, without its key. */
type Work =
  | { readonly kind: 'script'; readonly script: string; readonly describe: string }
  | { readonly kind: 'files'; readonly files: readonly StepFile[]; readonly describe: string };

/** Of one file of a template's folder; larger things belong into an archive or a package. */
const largestSource = 64 << 20;

/**
 * @param folder of the template, for the files that it names
 * @param base what the first step stands on: digests of the base image's layers, topmost first
 * @throws TEMPLATE_INVALID a file that is missing, too large, or elsewhere
 */
export async function planSteps(
  template: LayeredTemplate,
  folder: string,
  base: { readonly layers: readonly string[]; readonly arch: string },
): Promise<readonly BuildStep[]> {
  const steps: BuildStep[] = [];
  let key = digestOf(JSON.stringify(['tszone step 1', base.arch, base.layers]));
  for (const step of template.steps) {
    const work = await workOf(step, folder);
    key = digestOf(JSON.stringify([key, materialOf(work)]));
    steps.push({ ...work, key });
  }
  return steps;
}

async function workOf({ packages, files, run }: TemplateStep, folder: string): Promise<Work> {
  if (packages !== undefined)
    return { kind: 'script', script: installScript(packages), describe: `install ${packages.join(' ')}` };
  if (files !== undefined)
    return {
      kind: 'files',
      files: await Promise.all(files.map((file) => stepFile(file, folder))),
      describe: `write ${files.map(({ path }) => path).join(' ')}`,
    };
  return { kind: 'script', script: run ?? '', describe: `run ${(run ?? '').split('\n')[0]}` };
}

function materialOf(work: Work): unknown {
  if (work.kind === 'script') return [work.kind, work.script];
  return [work.kind, work.files.map(({ content, ...file }) => [file, digestOf(content)])];
}

async function stepFile(
  { path, content, source, mode = '0644', owner = '0:0' }: TemplateFile,
  folder: string,
): Promise<StepFile> {
  const [uid = 0, gid = 0] = owner.split(':').map(Number);
  const bytes = content === undefined ? await readSource(folder, source ?? '') : Buffer.from(content);
  return { path, content: bytes, mode: Number.parseInt(mode, 8), uid, gid };
}

/** A link may not lead out of the folder, which may be a stranger's: what it led to would be in the image. */
async function readSource(folder: string, source: string): Promise<Buffer> {
  const path = join(folder, source);
  try {
    const [root, found] = await Promise.all([realpath(folder), realpath(path)]);
    requireInside(root, found, path);
    await using file = await open(found, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    // Whatever it was a moment ago.
    requireInside(root, await readlink(`/proc/self/fd/${file.fd}`), path);
    const { size } = await requireFile(path, file);
    if (size <= largestSource) return await file.readFile();
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EISDIR')) throw cause;
    throw invalidSource(path, 'is not a file', cause);
  }
  throw invalidSource(path, `is larger than ${largestSource >> 20} MiB`);
}

function requireInside(root: string, found: string, path: string): void {
  if (!found.startsWith(`${root}/`)) throw invalidSource(path, "leads out of the template's folder");
}

/** Not a fifo, which would be waited for. */
async function requireFile(path: string, file: FileHandle): Promise<Stats> {
  const found = await file.stat();
  if (!found.isFile()) throw invalidSource(path, 'is not a file');
  return found;
}

function invalidSource(path: string, what: string, cause?: unknown): Error {
  return zoneError('TEMPLATE_INVALID', `"${path}", which the template names, ${what}`, {
    hint: 'Put the file into the folder of the template, or correct "source".',
    context: { path },
    cause,
  });
}

const digestOf = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/**
 * With the package manager that the root has; nothing that is only needed to install stays, nor what differs from one run to the next.
 * invoke-rc.d(8) asks policy-rc.d: no service is started by its installation.
 */
function installScript(packages: readonly string[]): string {
  const list = packages.map((name) => `'${name}'`).join(' ');
  return `if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  policy=/usr/sbin/policy-rc.d
  [ -e $policy ] || { printf '#!/bin/sh\\nexit 101\\n' >$policy; chmod 755 $policy; own=1; }
  apt-get -q update
  apt-get -qy --no-install-recommends install ${list}
  [ -z "$own" ] || rm -f $policy
  apt-get -q clean
  rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log
  rm -rf /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
elif command -v apk >/dev/null; then
  apk add --no-cache ${list}
else
  echo 'neither apt-get nor apk is there' >&2
  exit 127
fi
`;
}
