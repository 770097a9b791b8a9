/** A file system that is soon full, and that zones can live on. */
import { mkdirSync, writeFileSync } from 'node:fs';
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

/** A process that was killed on the full disk may still be on its way out. */
async function unmount(directory: string): Promise<void> {
  await eventually('the disk is nobody’s', async () => {
    await outputOf('umount', [directory]);
    return true;
  });
}

/** To the last byte, with files in a directory of their own, which is to be removed; at once, so that it can be done from within a boundary. */
export function fillDisk(filler: string): void {
  try {
    mkdirSync(filler, { recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
    throw error;
  }
  for (const size of [1 << 20, 1 << 12, 1]) {
    for (let at = 0; ; at += 1) {
      try {
        writeFileSync(join(filler, `${size}-${at}`), Buffer.alloc(size, 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') break;
        throw error;
      }
    }
  }
}
