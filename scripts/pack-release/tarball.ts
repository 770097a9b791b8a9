/** npm's own packing: its tarballs are the same for the same files (one date for all, sorted, no owners). */
import { run } from './run.js';

export interface Tarball {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/** The tarball `npm pack` would make of a directory. */
export function planTarball(directory: string): Tarball {
  return npmPack(directory, ['--dry-run']);
}

/** Packs a directory into a tarball in `out`. */
export function packTarball(directory: string, out: string): Tarball {
  return npmPack(directory, ['--pack-destination', out]);
}

function npmPack(directory: string, args: readonly string[]): Tarball {
  const printed = run('npm', ['pack', '--json', '--ignore-scripts', ...args], directory);
  const [tarball] = JSON.parse(printed) as Tarball[];
  if (tarball === undefined) throw new Error(`npm packed nothing in ${directory}`);
  return tarball;
}
