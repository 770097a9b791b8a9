/** What a Debian root file system of 300 MB is made of: files, directories and links of the host's packages, the most important ones first. */
import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram, mustRun } from '../command.js';

export interface Listed {
  /** Below the root. */
  readonly name: string;
  readonly bytes: number;
}

const priorities = ['required', 'important', 'standard', 'optional', 'extra'];

/** In the order in which they are taken; of another distribution all that is there. */
async function candidates(): Promise<string[]> {
  if (findProgram('dpkg-query') === undefined)
    return (await mustRun({ argv: ['find', '/usr/bin', '/usr/lib', '/usr/share', '-xdev'] })).split('\n');
  const shown = await mustRun({ argv: ['dpkg-query', '-W', '-f', `\${Priority} \${binary:Package}\n`] });
  const packages = shown
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string])
    .map(([priority, name]) => ({ name, rank: priorities.indexOf(priority) }))
    .sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
  return (await mustRun({ argv: ['dpkg-query', '-L', ...packages.map(({ name }) => name)] })).split('\n');
}

/** A path of which no directory is a link: `/bin/sh` is `/usr/bin/sh`. */
function nameOf(path: string, parents: Map<string, string>): string {
  const above = dirname(path);
  const parent = parents.get(above) ?? realpathSync(above);
  parents.set(above, parent);
  return join(parent, path.slice(above.length)).replace(/^\/+/, '');
}

/** Sorted: directories before what is in them. */
export async function listDebian(wantedBytes: number): Promise<Listed[]> {
  const found = new Map<string, Listed>();
  const parents = new Map<string, string>();
  let sum = 0;
  for (const path of await candidates()) {
    if (sum >= wantedBytes) break;
    if (!path.startsWith('/') || path === '/.') continue;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    const name = nameOf(path, parents);
    const bytes = stat.isFile() ? stat.size : 0;
    if (!found.has(name)) sum += bytes;
    found.set(name, { name, bytes });
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Into parts of about as many bytes each, in their order. */
export function split(files: readonly Listed[], parts: number): Listed[][] {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const all: Listed[][] = Array.from({ length: parts }, () => []);
  let sum = 0;
  for (const file of files) {
    all[Math.min(parts - 1, Math.floor((sum / Math.max(1, total)) * parts))]?.push(file);
    sum += file.bytes;
  }
  return all;
}
