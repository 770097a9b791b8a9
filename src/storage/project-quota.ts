/** Bounds on a directory tree, where the file system keeps them by project: ext4 and xfs mounted with prjquota. By the helper. */
import { randomInt } from 'node:crypto';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import type { VolumeLimits, VolumeUsage } from './driver.js';

/** @returns stdout; `undefined`: it said no */
async function quota(args: readonly string[]): Promise<string | undefined> {
  const tool = runTool('quota', args, { stdout: 'pipe' });
  let text = '';
  for await (const chunk of tool.stdout ?? []) text += String(chunk);
  return (await tool.exited) === 0 ? text : undefined;
}

export const hasProjectQuota = async (directory: string): Promise<boolean> =>
  (await quota(['probe', directory])) !== undefined;

/** A tree that has no project yet gets one of its own, which lies in its attributes. 0 takes a bound away. */
export async function boundTree(directory: string, { diskBytes = 0, inodes = 0 }: VolumeLimits): Promise<void> {
  let project = await projectOf(directory);
  if (project === 0) {
    // Of two thousand million, one that nobody can be expected to have.
    project = randomInt(2 ** 16, 2 ** 31 - 1);
    await must(['assign', directory, String(project)], directory);
  }
  await must(['bound', directory, String(project), String(diskBytes), String(inodes)], directory);
}

/** Call before the tree is removed, with a directory of the same file system. */
export async function unboundTree(directory: string, other: string): Promise<void> {
  const project = await projectOf(directory);
  if (project !== 0) await must(['bound', other, String(project), '0', '0'], other);
}

async function projectOf(directory: string): Promise<number> {
  return Number((await quota(['show', directory]))?.split(' ')[0] ?? 0);
}

async function must(args: readonly string[], path: string): Promise<void> {
  if ((await quota(args)) !== undefined) return;
  throw zoneError('KERNEL_STEP_FAILED', `the quota of "${path}" cannot be set`, {
    hint: 'Look at "mount" for the option prjquota of its file system.',
    context: { path, step: `quota ${args[0]}` },
  });
}

/** Nothing, if it has no project. */
export async function treeQuota(directory: string): Promise<VolumeUsage> {
  const [project = 0, bytes, bytesLimit, inodes, inodesLimit] = ((await quota(['show', directory])) ?? '')
    .trim()
    .split(' ')
    .map(Number);
  if (project === 0) return {};
  return {
    bytes,
    inodes,
    ...(bytesLimit === 0 ? {} : { bytesLimit }),
    ...(inodesLimit === 0 ? {} : { inodesLimit }),
  };
}
