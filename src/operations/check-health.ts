/** Whether zones of an image become healthy: tried with one, before the image is listed. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode, zoneError } from '../errors/index.js';
import type { Healthcheck, OnProgress } from '../images/index.js';
import { readRunning, type ZoneImage } from '../state/index.js';
import { discardZone } from './delete-zone.js';
import { execInZone } from './exec-in-zone.js';
import type { HostContext } from './host-context.js';
import { makeOfThen } from './make-zone.js';
import { launchCreated } from './start-zone.js';

const againAfterMs = 250;

interface Tried {
  readonly status: number;
  readonly output: string;
  /** The time was over before it was. */
  readonly isCutOff: boolean;
}

/** @throws IMAGE_BUILD_FAILED the command did not succeed in time, or the zone ended */
export async function checkHealth(
  host: HostContext,
  image: ZoneImage,
  { command, timeoutSeconds }: Healthcheck,
  { progress, signal }: { readonly progress?: OnProgress | undefined; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const zone = { name: `health-${randomBytes(6).toString('hex')}`, image: image.name, ephemeral: true, memory: '1G' };
  progress?.({ bytes: 0, message: `waiting for ${command.join(' ')}` });
  await makeOfThen(host, zone, image, { signal }, async (record) => {
    const name = record.spec.name;
    const { session } = await launchCreated(host, record, { signal, tie: true });
    try {
      await untilHealthy(host, name, { command, timeoutSeconds }, signal);
    } finally {
      await discardZone(host, name).finally(() => session.detach());
    }
  });
}

async function untilHealthy(
  host: HostContext,
  name: string,
  { command, timeoutSeconds }: Healthcheck,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  let last: Tried = { status: -1, output: 'it was not tried', isCutOff: true };
  for (;;) {
    if ((await readRunning(host.roots, name)) === undefined)
      throw unhealthy('a zone of the image ended by itself', last.output);
    const leftMs = Math.ceil(deadline - performance.now());
    if (leftMs <= 0) {
      const tried = `"${command.join(' ')}" ended with ${last.status}`;
      throw unhealthy(`a zone of the image was not healthy within ${timeoutSeconds} s (${tried})`, last.output);
    }
    const now = await tryOnce(host, name, command, { timeoutMs: leftMs, signal });
    if (now.status === 0) return;
    if (!now.isCutOff || last.isCutOff) last = now;
    await sleep(againAfterMs, undefined, signal === undefined ? {} : { signal });
  }
}

async function tryOnce(
  host: HostContext,
  name: string,
  command: readonly string[],
  options: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
): Promise<Tried> {
  try {
    const session = await execInZone(host, name, command, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const texts = [session.stdout, session.stderr].map((stream) => (stream === undefined ? '' : text(stream)));
    const { exitCode } = await session.result;
    return { status: exitCode, output: (await Promise.all(texts)).join('').slice(-4096), isCutOff: false };
  } catch (error) {
    options.signal?.throwIfAborted();
    const output = error instanceof Error ? error.message : String(error);
    return { status: -1, output, isCutOff: hasCode(error, 'WAIT_TIMEOUT') };
  }
}

function unhealthy(message: string, output: string): Error {
  return zoneError('IMAGE_BUILD_FAILED', message, {
    hint: `Correct the template's "healthcheck" or what it waits for${output === '' ? '' : `; it said: ${output.trimEnd().split('\n').at(-1)}`}.`,
    context: { output },
  });
}
