/**
 * A new file system for each row that writes much: an ext4 with a journal, in a file on the disk of the bench, past the page cache of that disk. So
 * all start from the same, and what a round deleted costs the next one nothing: an ext4 without a journal, as some machines have, looks at each
 * inode that was deleted in the last minutes before it gives another.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from './command.js';
import type { Place } from './place.js';

export interface Disk extends AsyncDisposable {
  readonly path: string;
  readonly note: string;
}

/** Where there are no loop devices it is a directory. */
export async function openDisk({ directory }: Place, name: string, bytes: number): Promise<Disk> {
  const [file, path] = [join(directory, `${name}.img`), join(directory, name)];
  mkdirSync(path);
  const close = async () => {
    await run({ argv: ['umount', path] });
    rmSync(file, { force: true });
    rmSync(path, { recursive: true, force: true });
  };
  try {
    const isDirect = await mount(file, path, bytes);
    const note = `on a new ext4 of ${bytes / 2 ** 30} GB in a file${isDirect ? ', by direct I/O' : ''}`;
    return { path, note, [Symbol.asyncDispose]: close };
  } catch (error) {
    const note = `on the disk of the bench: ${error instanceof Error ? error.message.trim().split('\n').at(-1) : error}`;
    return { path, note, [Symbol.asyncDispose]: close };
  }
}

/** Its blocks are written once before, so that the disk below has nothing to find any more. @returns whether it goes past the page cache */
async function mount(file: string, path: string, bytes: number): Promise<boolean> {
  const zeros = ['dd', 'if=/dev/zero', `of=${file}`, 'bs=4M', `count=${bytes / 2 ** 22}`, 'status=none'];
  await mustRun({ argv: [...zeros, 'conv=fdatasync'] });
  await mustRun({ argv: ['mkfs.ext4', '-qF', '-E', 'lazy_itable_init=0,lazy_journal_init=0,nodiscard', file] });
  const device = (await mustRun({ argv: ['losetup', '--find', '--show', file] })).trim();
  try {
    const { status } = await run({ argv: ['losetup', '--direct-io=on', device] });
    await mustRun({ argv: ['mount', '-o', 'noatime', device, path] });
    return status === 0;
  } finally {
    // Of one that is mounted: when it is no longer, however that comes.
    await run({ argv: ['losetup', '--detach', device] });
  }
}
