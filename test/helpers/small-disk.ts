/** A file system that is soon full, and that zones can live on. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { canIdmap, probeHost } from '../../src/host/index.js';
import { outputOf } from './cli.js';
import { eventually } from './patience.js';

export interface SmallDisk {
  unmount(): Promise<void>;
}

/** A tmpfs over the directory; ext4 on a loop device where the kernel cannot map the owners of a tmpfs (before 6.3). */
export async function mountSmallDisk(directory: string, megabytes: number): Promise<SmallDisk> {
  await outputOf('mount', ['-t', 'tmpfs', '-o', `size=${Math.round(megabytes * 1024)}k`, 'tszone-test', directory]);
  const { kernel } = await probeHost();
  if ((await canIdmap(directory, kernel)).ok) {
    return { unmount: () => unmount(directory) };
  }
  await outputOf('umount', [directory]);
  const image = `${directory}.ext4`;
  await outputOf('truncate', ['-s', `${Math.round(megabytes * 1024)}K`, image]);
  await outputOf('mkfs.ext4', ['-q', '-m', '0', '-N', '1024', '-O', '^has_journal', image]);
  await outputOf('mount', ['-o', 'loop', image, directory]);
  return {
    unmount: async () => {
      await unmount(directory);
      await rm(image);
    },
  };
}

/**
 * A btrfs of its own over the directory, quotas on. Data and metadata share their space (mkfs.btrfs --mixed): where each has its own, a disk that is
 * full of data still makes directories and snapshots.
 */
export async function mountSmallBtrfs(directory: string, megabytes: number): Promise<SmallDisk> {
  const image = `${directory}.btrfs`;
  await outputOf('truncate', ['-s', `${megabytes}M`, image]);
  await outputOf('mkfs.btrfs', ['-q', '--mixed', image]);
  await outputOf('mount', ['-o', 'loop,noatime', image, directory]);
  await outputOf('btrfs', ['quota', 'enable', directory]);
  return {
    unmount: async () => {
      await unmount(directory);
      await rm(image);
    },
  };
}

/** A process that was killed on the full disk may still be on its way out. */
export async function unmount(directory: string): Promise<void> {
  await eventually('the disk is nobody’s', async () => {
    await outputOf('umount', [directory]);
    return true;
  });
}

/** To the last byte, with files in a directory of their own, which is to be removed; at once, so that it can be done from within a boundary. */
export function fillDisk(filler: string): void {
  let last: number;
  try {
    mkdirSync(filler, { recursive: true });
    last = openSync(join(filler, 'last'), 'w');
  } catch (error) {
    if (isFull(error)) return;
    throw error;
  }
  for (const size of [1 << 20, 1 << 12, 1])
    untilFull((at) => writeFileSync(join(filler, `${size}-${at}`), Buffer.alloc(size, 1)));
  // A btrfs refuses a new file while there is still room for a snapshot.
  untilFull(() => writeSync(last, Buffer.alloc(1 << 12, 1)));
  closeSync(last);
}

function untilFull(write: (at: number) => void): void {
  for (let at = 0; ; at += 1) {
    try {
      write(at);
    } catch (error) {
      if (isFull(error)) return;
      throw error;
    }
  }
}

const isFull = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOSPC';
