/** One step of a layered template: done in a throw-away zone of the layers so far; what the zone wrote becomes the next layer. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import {
  type BuildStep,
  type CachedStep,
  changeSteps,
  type OnProgress,
  TarBuilder,
  withImagesLocked,
} from '../images/index.js';
import { type ZoneImage, type ZoneRecord, zonePaths } from '../state/index.js';
import { stageLayer } from '../storage/index.js';
import { boundary } from './boundaries.js';
import { dropEnded } from './drop-ended.js';
import type { HostContext } from './host-context.js';
import { commitLayer, unpackLayer } from './make-layer.js';
import { makeOfThen } from './make-zone.js';
import { launchCreated } from './start-zone.js';
import { runInStoppedRoot } from './stopped-root.js';

export interface StepOptions {
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The zone has; `ended` settles when its helper has, too. */
interface Ended {
  readonly ended: Promise<unknown>;
}

/** What a step changed bears this time, so that the same step gives the same layer: the oldest that zip knows, 1980-01-01. */
const stepTimeSeconds = 315_532_800;

/** The kernel stamps files with a clock that is up to a tick behind: what is written just after a second began may bear the one before. */
const clockLagMs = 100;

/**
 * @param image what the step stands on: no image of that kind need be listed
 * @throws IMAGE_BUILD_FAILED a script that fails, with the end of what it said
 */
export async function buildStep(
  host: HostContext,
  image: ZoneImage,
  step: BuildStep,
  options: StepOptions,
): Promise<CachedStep> {
  const { signal, progress } = options;
  const startedAtSeconds = Math.floor((Date.now() - clockLagMs) / 1000);
  const zone = {
    name: `build-${randomBytes(6).toString('hex')}`,
    image: image.name,
    ephemeral: true,
    description: `image build: ${step.describe}`.slice(0, 200),
    ...(step.kind === 'files'
      ? { net: 'none' }
      : { command: ['/bin/sh', '-e', '-c', step.script], env: { SOURCE_DATE_EPOCH: String(stepTimeSeconds) } }),
    user: '0',
    workdir: '/',
  };
  progress?.({ bytes: 0, message: step.describe });
  const { built, machineId, ended } = await makeOfThen(host, zone, image, { signal }, async (record) => {
    const work =
      step.kind === 'files'
        ? await writeFiles(host, record, step.files, options)
        : await runScript(host, record, step, options);
    boundary('build', zone.name, 'ran');
    const built = await keepLayer(host, record, step.key, { startedAtSeconds, signal });
    return { ...work, built, machineId: record.machineId };
  });
  await (await dropEnded(host, { name: zone.name, machineId }, ended)).cleaned;
  return built;
}

async function writeFiles(
  host: HostContext,
  record: ZoneRecord,
  files: Extract<BuildStep, { kind: 'files' }>['files'],
  { signal }: StepOptions,
): Promise<Ended> {
  const tar = new TarBuilder();
  for (const { path, content, mode, uid, gid } of files) tar.file(path.slice(1), content, mode, gid, uid);
  const argv = ['unpack', '--here', '--to', '/', '--keep-directory-symlink'];
  await runInStoppedRoot(host, record.spec.name, argv, { signal }, async ({ stdin, stdout, stderr, exited }) => {
    stdout?.resume();
    const said = lastLines(stderr);
    if (stdin != null) await pipeline(tar.archive(), stdin).catch(() => {});
    const status = await exited;
    if (status !== 0) throw stepError(`cannot write ${files.map(({ path }) => path).join(', ')}`, status, await said);
  });
  return { ended: Promise.resolve() };
}

async function runScript(
  host: HostContext,
  record: ZoneRecord,
  { describe }: BuildStep,
  { signal, progress }: StepOptions,
): Promise<Ended> {
  let said: Promise<string> | undefined;
  const { session } = await launchCreated(host, record, {
    signal,
    stdio: 'relay',
    fds: ['pipe', 'pipe', 'pipe'],
    claim: true,
    tie: true,
    beforeGo: async ({ stdin, stdout, stderr }) => {
      (stdin as Writable | null)?.end();
      said = Promise.all([stdout, stderr].map((stream) => lastLines(stream, progress))).then((texts) => texts.join(''));
    },
  });
  const kill = () => session.signal(9);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted === true) kill();
  const { status } = await session.expect('exited');
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  if (status !== 0)
    throw stepError(`step "${describe}" of the image failed with status ${status}`, status, (await said) ?? '');
  return { ended: session.exited };
}

const keptBytes = 4096;

/** The end of what was said; each line is progress. */
async function lastLines(stream: Readable | null | undefined, progress?: OnProgress): Promise<string> {
  let text = '';
  try {
    for await (const chunk of stream ?? []) {
      text = `${text}${String(chunk)}`.slice(-keptBytes);
      const line = text.trimEnd().split('\n').at(-1);
      if (line !== undefined && line !== '') progress?.({ bytes: 0, message: line });
    }
  } catch {
    // Cut off: what came before it has to do.
  }
  return text;
}

function stepError(message: string, status: number, output: string): Error {
  return zoneError(
    'IMAGE_BUILD_FAILED',
    `${message}${output === '' ? '' : `: ${output.trimEnd().split('\n').at(-1)}`}`,
    {
      hint: 'The end of what it said is in the context (-o json). Correct the template, then repeat the command: steps that were done are not done again.',
      context: { status, output },
    },
  );
}

/** Through an archive, as any other layer: nothing that only makes sense on this disk comes along, and its digest is one of contents. */
async function keepLayer(
  { roots }: HostContext,
  { spec }: ZoneRecord,
  key: string,
  { startedAtSeconds, signal }: { readonly startedAtSeconds: number; readonly signal: AbortSignal | undefined },
): Promise<CachedStep> {
  const upper = join(zonePaths(roots, spec.name).rootfs, 'upper');
  await using staging = await stageLayer(roots);
  const times = ['--since', String(startedAtSeconds), '--epoch', String(stepTimeSeconds)];
  const packer = runTool('pack', ['--root', upper, '--whiteouts', ...times, '--as', '.', '.'], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    signal,
  });
  const said = lastLines(packer.stderr);
  // Node throws away what a child wrote before its stream has a reader, once it has ended.
  const archive = packer.stdout?.pipe(new PassThrough()) as AsyncIterable<Buffer>;
  const unpacked = await unpackLayer(staging, { archive, signal });
  const status = await packer.exited;
  if (status !== 0) throw stepError('the layer cannot be packed', status, await said);
  const { digest, sizeBytes } = unpacked;
  boundary('build', spec.name, 'unpacked');
  await withImagesLocked(roots, async () => {
    await commitLayer(roots, staging, unpacked);
    boundary('build', spec.name, 'layer');
    await changeSteps(roots, (steps) => ({ ...steps, [key]: { digest, sizeBytes } }));
  });
  boundary('build', spec.name, 'kept');
  return { digest, sizeBytes };
}
