/** Images of the bench's root file system and files of the host: a small one of 300 MB, and a large one of as much as was asked for. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun } from '../command.js';
import type { Tszone } from '../peers/tszone.js';
import { makeTree } from './export.js';
import type { Bench } from './row.js';

export interface Tree {
  readonly path: string;
  readonly bytes: number;
  /** `300 MB in 9000 files`. */
  readonly text: string;
}

export async function openTree({ place, options }: Bench, name: string): Promise<Tree> {
  const { path, text } = await makeTree(place, name, options.smallBytes);
  const bytes = Number((await mustRun({ argv: ['du', '-sb', path] })).split('\t')[0]);
  place.later(() => rmSync(path, { recursive: true, force: true }));
  return { path, bytes, text };
}

/** How many times the tree makes as much. */
export const timesOf = ({ bytes }: Tree, wantedBytes: number): number => Math.max(1, Math.round(wantedBytes / bytes));

/** @param times how many copies of the tree are in it, below /data */
export async function importImage(
  { place }: Bench,
  tszone: Tszone,
  image: { readonly name: string; readonly tree: Tree; readonly times: number },
): Promise<void> {
  const { name, tree, times } = image;
  const archive = join(place.directory, `${name}.tar`);
  try {
    await mustRun({ argv: ['tar', '-C', place.rootfs, '-cf', archive, '.'] });
    for (let copy = 0; copy < times; copy += 1) {
      const into = `s,^\\./,./data/${copy}/,`;
      await mustRun({ argv: ['tar', '-C', tree.path, '--transform', into, '-rf', archive, '.'] });
    }
    await mustRun(tszone.command('image', 'import', name, archive));
  } finally {
    rmSync(archive, { force: true });
  }
}
