/**
 * `cp`: files between host and zone, as a tar stream from a packer to an unpacker, each confined to its own root. The
 * zone's side runs inside the zone, so that none of its links can lead out of it; for a stopped zone its root is
 * started for this alone, without network.
 */
import { basename, dirname, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import { type HelperSession, helperPath, initPath, runTool } from '../helper/index.js';
import { planLoopback } from '../netif/index.js';
import { planStart } from '../plan/index.js';
import { readRunning, readZone } from '../state/index.js';
import { runHelperInZone } from './exec-in-zone.js';
import type { HostContext } from './host-context.js';
import { settleZone } from './settle-zone.js';
import { launchPlan } from './start-zone.js';
import { filesFromImage, planZoneLayers, planZoneTrees } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { zoneRunningError } from './zone-ref.js';

export interface CopyInput {
  readonly zone: string;
  /** Absolute, or relative to the zone's `/`. */
  readonly zonePath: string;
  readonly hostPath: string;
}

/** One end of a copy: a packer or an unpacker. */
interface End {
  readonly stdin: Writable | null | undefined;
  readonly stdout: Readable | null | undefined;
  readonly stderr: Readable | null | undefined;
  readonly exited: Promise<number>;
}

/** Owners become the zone's root. A directory that exists takes the copy in. @throws ZONE_NOT_FOUND, PATH_NOT_FOUND, RESOURCE_DISK_FULL */
export async function copyIn(host: HostContext, input: CopyInput, options: OperationOptions = {}): Promise<void> {
  const target = resolve('/', input.zonePath);
  await withZoneEnd(host, input.zone, ['unpack', '--here', '--to', target, '--owner', '0:0'], options, (zone) =>
    transfer(packOnHost(input.hostPath), zone, input),
  );
}

/** Links are copied as links. @throws ZONE_NOT_FOUND, PATH_NOT_FOUND, RESOURCE_DISK_FULL */
export async function copyOut(host: HostContext, input: CopyInput, options: OperationOptions = {}): Promise<void> {
  const source = resolve('/', input.zonePath);
  const args = ['pack', '--here', '--root', '/', ...(source === '/' ? ['--as', 'rootfs'] : []), source.slice(1) || '.'];
  await withZoneEnd(host, input.zone, args, options, (zone) => transfer(zone, unpackOnHost(input.hostPath), input));
}

function packOnHost(path: string): End {
  const absolute = resolve(path);
  return toolEnd('pack', ['--root', dirname(absolute), basename(absolute)]);
}

function unpackOnHost(path: string): End {
  return toolEnd('unpack', ['--to', resolve(path), '--no-owner']);
}

/** Started last: node throws away what a child writes before its streams have a reader and it has ended. */
function toolEnd(mode: string, args: readonly string[]): End {
  return runTool(mode, args, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' });
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
  if (!(await settleZone(host.roots, name))) throw zoneRunningError(name, 'Repeat the command.');
  // Readers are there before the helper may write: what it writes before it ends would be thrown away by node.
  let copied: Promise<void> | undefined;
  const beforeGo = async (session: HelperSession) => {
    copied = body({ ...endOf(session), exited: session.exited });
    copied.catch(() => {});
  };
  const plan = await planStopped(host, name, argv);
  const { session } = await launchPlan(host, name, {
    plan,
    options: { ...options, stdio: 'relay', fds: stdio, beforeGo },
  });
  try {
    await copied;
  } finally {
    await session[Symbol.asyncDispose]();
    await settleZone(host.roots, name);
  }
}

const endOf = ({ stdin, stdout, stderr }: HelperSession): Omit<End, 'exited'> => ({ stdin, stdout, stderr });

async function planStopped(host: HostContext, name: string, helperArgv: readonly string[]) {
  const record = await readZone(host.roots, name);
  return planStart({
    roots: host.roots,
    facts: host.facts,
    record,
    layers: planZoneLayers(host, record),
    trees: await planZoneTrees(host, record),
    fromImage: await filesFromImage(host, record),
    network: {
      prepare: [],
      attach: () => [],
      enter: planLoopback(),
      exit: [],
      addresses: [],
      resolvConf: undefined,
      notes: [],
    },
    stdio: 'relay',
    programs: { init: initPath(), helper: helperPath() },
    onExit: [],
    helperArgv,
  });
}

/** Both ends are always waited for; the packer's error counts first, since the unpacker only sees its consequence. */
async function transfer(from: End, to: End, { zone, zonePath, hostPath }: CopyInput): Promise<void> {
  if (from.stdout == null || to.stdin == null) throw new Error('copy without pipes');
  from.stdin?.end();
  const messages = [from, to].map((end) => readAll(end.stderr));
  to.stdout?.resume();
  await pipeline(from.stdout, to.stdin).catch(() => {});
  const statuses = await Promise.all([from.exited, to.exited]);
  const failed = statuses.findIndex((status) => status !== 0);
  if (failed < 0) return;
  throw copyError(await messages[failed], { zone, zonePath, hostPath });
}

async function readAll(stream: Readable | null | undefined): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) if (text.length < 65_536) text += String(chunk);
  return text;
}

/** The tools' last word is one JSON line: {"error","entry","errno"}. */
function copyError(text: string | undefined, context: CopyInput): Error {
  const { error = 'the copy failed', entry = '', errno = '' } = parseReport(text ?? '');
  const message = entry === '' ? error : `${error}: "${entry}"`;
  if (errno === 'ENOENT' || /no such file/i.test(error)) {
    return zoneError('PATH_NOT_FOUND', message.toLowerCase(), {
      hint: 'Check both paths; the directory of the destination has to exist.',
      context: { ...context },
    });
  }
  if (errno === 'ENOSPC' || /no space/i.test(error)) {
    return zoneError('RESOURCE_DISK_FULL', message.toLowerCase(), {
      hint: 'Free space at the destination, then repeat the command.',
      context: { ...context },
    });
  }
  return zoneError('KERNEL_STEP_FAILED', message.toLowerCase(), {
    hint: 'Check both paths and their permissions.',
    context: { ...context, step: 'cp' },
  });
}

function parseReport(text: string): { error?: string; entry?: string; errno?: string } {
  const line = text.trim().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as { error?: string };
  } catch {
    return line === '' ? {} : { error: line };
  }
}
