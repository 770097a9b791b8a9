/** Files of the host, small and large, for rows that are about a zone's data. */
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { mustRun } from './command.js';
import type { Place } from './place.js';

const wantedBytes = 300 << 20;
/** Until there is enough. */
const sources = [
  '/usr/include',
  '/usr/lib/git-core',
  '/usr/share/doc',
  '/usr/share/perl',
  '/usr/lib/python3',
  '/usr/share',
  '/usr/lib',
];

/** @returns what `du` says of it */
export async function makeTree(place: Place): Promise<{ readonly path: string; readonly text: string }> {
  const path = join(place.directory, 'tree');
  const size = async () => Number((await mustRun({ argv: ['du', '-sb', path] })).split('\t')[0]);
  if (!existsSync(path)) {
    mkdirSync(path);
    for (const source of sources) {
      if ((await size()) >= wantedBytes) break;
      if (existsSync(source)) cpSync(source, join(path, basename(source)), { recursive: true, verbatimSymlinks: true });
    }
  }
  const count = (await mustRun({ argv: ['sh', '-c', `find ${path} | wc -l`] })).trim();
  return { path, text: `${Math.round((await size()) / 2 ** 20)} MB in ${count} files` };
}
