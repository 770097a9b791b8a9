/** Files that hold a file system, mounted by way of a loop device that goes when nobody uses it any more (autoclear). */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { zoneError } from '../errors/index.js';
import { lstat, mkdir, readdir, readFile, rmdir } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';
import { isErrno } from '../state/index.js';
import { isSaid } from './grow-file.js';
import { makeLoopNodes } from './loop-nodes.js';

export interface LoopMount {
  readonly file: string;
  readonly target: string;
  readonly type: 'ext4' | 'btrfs';
  readonly options: readonly string[];
}

/** Done already is success. mount(8) takes a device that the file has already: two of one file would write over each other. */
export async function mountFile({ file, target, type, options }: LoopMount): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  if (isMountPoint(target)) return;
  const control = await lstat('/dev/loop-control').catch(() => undefined);
  if (control === undefined && !(await makeLoopNodes())) throw noLoopDevices(file);
  const flags = ['loop', 'nosuid', 'nodev', ...options].join(',');
  const deadline = performance.now() + copiedLimitMs;
  for (;;) {
    const isLast = performance.now() > deadline;
    try {
      await runTool({ tool: 'mount', args: ['-t', type, '-o', flags, file, target], package: 'mount' });
      return;
    } catch (error) {
      // The kernel has just made one more device for it, or others take one each, too.
      if (await makeLoopNodes()) continue;
      // Written to a moment ago, and still held so: the kernel has one file system of it, read-only for all or for nobody.
      if (!isSaid(error, /busy/i) || isLast) throw error;
      await sleep(20);
    }
  }
}

/** Whoever looks into it. */
const busyLimitMs = 5000;
/** Whoever has a copy of our mounts for a moment, which is long where many zones start at once. */
const copiedLimitMs = 30_000;

/**
 * Until all that was written to what was mounted of it is in the file. A zone that starts copies our mounts for a moment, and so whoever makes a
 * mount namespace: as long as the copy is there, the kernel has not let go.
 *
 * @throws ZONE_STATE
 */
export async function waitForFile(file: string): Promise<void> {
  const deadline = performance.now() + copiedLimitMs;
  for (;;) {
    // Before the look: who stood still itself looks once more.
    const isLast = performance.now() > deadline;
    const device = await loopDeviceOf(file);
    if (device === undefined) return;
    if (isLast) throw inUse(file, undefined, `See "findmnt --source ${device}" in all mount namespaces`);
    await sleep(20);
  }
}

/** Not mounted is success; whoever looks into it is waited for, for a moment. @throws ZONE_STATE */
export async function unmountFile(target: string): Promise<void> {
  const deadline = performance.now() + busyLimitMs;
  while (isMountPoint(target)) {
    const isLast = performance.now() > deadline;
    try {
      await runTool({ tool: 'umount', args: ['--no-canonicalize', target], package: 'mount' });
    } catch (error) {
      if (!isMountPoint(target)) break;
      if (isLast) throw inUse(target, error);
      await sleep(20);
    }
  }
  await rmdir(target).catch((error: unknown) => {
    if (!isErrno(error, 'ENOENT')) throw error;
  });
}

export function isMountPoint(path: string): boolean {
  const [own, parent] = [path, dirname(path)].map((one) => lstatSync(one, { throwIfNoEntry: false }));
  return own !== undefined && parent !== undefined && own.dev !== parent.dev;
}

/** `/dev/loop3` of a file that is mounted. */
export async function loopDeviceOf(file: string): Promise<string | undefined> {
  for (const name of await readdir('/sys/block')) {
    if (!name.startsWith('loop')) continue;
    const backing = await readFile(`/sys/block/${name}/loop/backing_file`, 'utf8').catch(() => '');
    if (backing.trim() === file) return `/dev/${name}`;
  }
  return undefined;
}

function noLoopDevices(file: string): Error {
  return zoneError('POOL_UNUSABLE', `"${file}" cannot be mounted: this host has no loop devices`, {
    hint: 'Run "modprobe loop"; in a container, allow it loop devices (docker run --privileged).',
    context: { path: file },
  });
}

function inUse(target: string, cause: unknown, look = `See "fuser -vm ${target}"`): Error {
  return zoneError('ZONE_STATE', `"${target}" cannot be unmounted: something on the host uses it`, {
    hint: `${look}, end that, then repeat the command.`,
    context: { path: target },
    cause,
  });
}
