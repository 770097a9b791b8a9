/**
 * Images of the bench's root file system and many files: a small one of 300 MB, and a large one of as much as was asked for. Nobody looks into
 * the files, so they are the same for all, made once, and what is large has the small tree several times.
 */
import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from '../command.js';
import type { Tszone } from '../peers/tszone.js';
import { progress } from '../progress.js';
import type { Bench } from './row.js';

/** `write`: they hold something. `allocate`: they only have their blocks; `stretch`: only their length, which takes no memory in a tmpfs. */
export type Manner = 'write' | 'allocate' | 'stretch';

export interface Tree {
  readonly path: string;
  readonly manner: Manner;
  readonly files: number;
  readonly bytes: number;
  /** `300 MB in 6400 files`. */
  readonly text: string;
}

/** What a file has on average; in a Debian some 30 kB. */
const bytesPerFile = 48 << 10;

/** Words of the payload of that name. */
export const makeFiles = (
  { manner, files, bytes }: Pick<Tree, 'manner' | 'files' | 'bytes'>,
  path: string,
  programs = '/bin',
): string[] => [`${programs}/${manner}`, path, String(files), String(bytes)];

export async function openTree({ place, options }: Bench, directory: string, manner: Manner): Promise<Tree> {
  const bytes = options.smallBytes;
  const files = Math.ceil(bytes / bytesPerFile);
  const tree = { path: directory, manner, files, bytes, text: `${Math.round(bytes / 2 ** 20)} MB in ${files} files` };
  place.later(() => rmSync(directory, { recursive: true, force: true }));
  await mustRun({ argv: makeFiles(tree, directory, join(place.rootfs, 'bin')) });
  progress(`${tree.text} made`);
  return tree;
}

/** How many times the tree makes as much. */
export const timesOf = ({ bytes }: Tree, wantedBytes: number): number => Math.max(1, Math.round(wantedBytes / bytes));

interface Wanted {
  readonly name: string;
  readonly tree: Tree;
  /** How many copies of the tree are in it, below /data. */
  readonly times: number;
}

export async function importImage({ place }: Bench, tszone: Tszone, { name, tree, times }: Wanted): Promise<void> {
  const staging = join(place.directory, `${name}-image`);
  mkdirSync(join(staging, 'data'), { recursive: true });
  try {
    for (let copy = 0; copy < times; copy += 1) symlinkSync(tree.path, join(staging, 'data', String(copy)));
    const { argv, env } = tszone.command(
      'image',
      'import',
      name,
      '-',
      '--max-size',
      '100G',
      '--max-entries',
      '10000000',
    );
    // Each copy is files of its own.
    const tar = `tar -cS --dereference --hard-dereference -C ${place.rootfs} . -C ${staging} data`;
    await mustRun({
      argv: ['bash', '-c', `set -o pipefail; ${tar} | ${argv.join(' ')}`],
      ...(env === undefined ? {} : { env }),
    });
    progress(`image "${name}" imported: ${times} times that`);
  } finally {
    await run({ argv: ['rm', '-rf', staging] });
  }
}
