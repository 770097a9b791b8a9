/** A directory that stands in for a hierarchy: control files are plain files, so what is written can be read back. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Tree {
  readonly root: string;
  /** Makes the file and the groups above it. */
  put(path: string, text: string): void;
  get(path: string): string;
  remove(): void;
}

export function makeTree(): Tree {
  const root = mkdtempSync(join(tmpdir(), 'tszone-cgroups-'));
  return {
    root,
    put(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    get: (path) => readFileSync(join(root, path), 'utf8'),
    remove: () => rmSync(root, { recursive: true }),
  };
}
