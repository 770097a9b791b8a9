/**
 * `cp`: files between host and zone, as a tar stream from a packer to an unpacker, each confined to its own root. The
 * zone's side runs inside the zone, so that none of its links can lead out of it; for a stopped zone its root is
 * started for this alone, without network.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { runTool } from '../helper/index.js';
import { readRunning, readZone } from '../state/index.js';
import { type CopyInput, copyError, destinationError, readReport } from './copy-error.js';
import { type CopyTarget, openCopyTarget } from './copy-target.js';
import { runHelperInZone } from './exec-in-zone.js';
import type { HostContext } from './host-context.js';
import { type End, runInStoppedRoot } from './stopped-root.js';
import { lockZone, type OperationOptions } from './zone-lock.js';

export type { CopyInput } from './copy-error.js';
export type { End } from './stopped-root.js';

/** Owners become the zone's root. A directory that exists takes the copy in. @throws ZONE_NOT_FOUND, PATH_NOT_FOUND, RESOURCE_DISK_FULL */
export async function copyIn(host: HostContext, input: CopyInput, options: OperationOptions = {}): Promise<void> {
  const target = resolve('/', input.zonePath);
  await withZoneEnd(host, input.zone, ['unpack', '--here', '--to', target, '--owner', '0:0'], options, (zone) =>
    transfer(packOnHost(input.hostPath), zone, input),
  );
}

/**
 * Links are copied as links. Nothing but the one file or directory that was asked for appears, whatever the zone sends,
 * and that only when all of it has come. A directory merges with a directory that is there, which keeps its own mode;
 * files and links that are there are replaced. A directory does not replace anything else, nor anything else a directory.
 *
 * @throws ZONE_NOT_FOUND, PATH_NOT_FOUND, RESOURCE_DISK_FULL
 */
export async function copyOut(host: HostContext, input: CopyInput, options: OperationOptions = {}): Promise<void> {
  await readZone(host.roots, input.zone);
  const source = resolve('/', input.zonePath);
  const args = ['pack', '--here', '--root', '/', ...(source === '/' ? ['--as', 'rootfs'] : []), source.slice(1) || '.'];
  await receive(input, (unpack) => withZoneEnd(host, input.zone, args, options, unpack), options);
}

/** Brings what a packer in the zone sends into place. The packer may be anything: its archive and report are the zone's. */
export async function receive(
  input: CopyInput,
  send: (unpack: (packer: End) => Promise<void>) => Promise<void>,
  { signal }: OperationOptions = {},
): Promise<void> {
  const name = basename(resolve('/', input.zonePath)) || 'rootfs';
  await using target = await openCopyTarget(input.hostPath, name).catch((error: unknown) => {
    throw destinationError(error, input);
  });
  await send((packer) => transfer(packer, unpackInto(target, name), input));
  signal?.throwIfAborted();
  await target.place().catch((error: unknown) => {
    throw destinationError(error, input);
  });
}

function packOnHost(path: string): End {
  const absolute = resolve(path);
  return toolEnd('pack', ['--root', dirname(absolute), basename(absolute)]);
}

function unpackInto({ staging }: CopyTarget, name: string): End {
  return toolEnd('unpack', ['--root', '.', '--only', name, '--no-owner'], staging);
}

/** Started last: node throws away what a child writes before its streams have a reader and it has ended. */
function toolEnd(mode: string, args: readonly string[], cwd?: string): End {
  return runTool(mode, args, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', cwd });
}

/** The helper in the zone: by exec if it runs, else as the only process of its root. */
async function withZoneEnd(
  host: HostContext,
  name: string,
  argv: readonly string[],
  options: OperationOptions,
  body: (end: End) => Promise<void>,
): Promise<void> {
  await readZone(host.roots, name);
  const stdio = ['pipe', 'pipe', 'pipe'] as const;
  if ((await readRunning(host.roots, name)) !== undefined) {
    const session = await runHelperInZone(host, name, argv, { stdio, signal: options.signal });
    return body({ ...session, exited: session.result.then(({ exitCode }) => exitCode) });
  }
  await using _lock = await lockZone(host, name, options);
  return await runInStoppedRoot(host, name, argv, options, body);
}

/** Both ends are always waited for. */
async function transfer(from: End, to: End, input: CopyInput): Promise<void> {
  if (from.stdout == null || to.stdin == null) throw new Error('copy without pipes');
  from.stdin?.end();
  const texts = [from, to].map((end) => readAll(end.stderr));
  to.stdout?.resume();
  // Asked for before the pipe is through: an end may fail first.
  const exits = Promise.allSettled([from.exited, to.exited]);
  await pipeline(from.stdout, to.stdin).catch(() => {});
  const [packed, unpacked] = await exits;
  for (const end of [packed, unpacked]) if (end.status === 'rejected') throw end.reason;
  const [packer, unpacker] = (await Promise.all(texts)).map(readReport);
  const isPacked = packed.status === 'fulfilled' && packed.value === 0;
  const isUnpacked = unpacked.status === 'fulfilled' && unpacked.value === 0;
  if (isPacked && isUnpacked) return;
  // An unpacker without a whole archive only shows the consequence, and so does a packer whose pipe broke: by the signal, as a rule.
  const hasBrokenPipe = packer?.errno === 'EPIPE' || (packed.status === 'fulfilled' && packed.value === statusSigpipe);
  const isCause = !isPacked && (isUnpacked || !hasBrokenPipe);
  throw copyError((isCause ? packer : unpacker) ?? readReport(''), input);
}

const statusSigpipe = 128 + 13;

async function readAll(stream: Readable | null | undefined): Promise<string> {
  let text = '';
  try {
    for await (const chunk of stream ?? []) if (text.length < 65_536) text += String(chunk);
  } catch {
    // A stream that was cut off: what came before it has to do.
  }
  return text;
}
