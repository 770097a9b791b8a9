/** A tree with one of everything that a zone can have on its disk, made and described inside of zones. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Zone } from '../../src/index.js';
import type { TempHost } from './temp-host.js';

const source = fileURLToPath(new URL('../fixtures/ugly-tree.c', import.meta.url));

/** Compiled for any zone. @returns its path on the host */
export async function uglyProgram(host: TempHost): Promise<string> {
  const path = join(host.directory, 'ugly-tree');
  const strict = ['-static', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror', '-Wno-sign-compare'];
  await promisify(execFile)('gcc', [...strict, '-o', path, source]);
  return path;
}

/** At /ugly in the zone, with the tree at /data. */
export async function makeUgly(zone: Zone, program: string): Promise<void> {
  await zone.copyIn(program, '/ugly');
  await run(zone, ['/ugly', 'make', '/data']);
}

/** What tszone writes anew at each start, and what is mounted there. */
const changing = [
  '/etc',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/machine-id',
  '/etc/resolv.conf',
  '/dev',
  '/proc',
  '/sys',
  '/scratch',
];

/** A line for each file of the zone's own: mode, owner, times in ns, links, xattrs, where its data are, and their hash. */
export async function describeZone(zone: Zone, except: readonly string[] = []): Promise<string[]> {
  return (await run(zone, ['/ugly', 'describe', '/', ...changing, ...except])).trim().split('\n');
}

async function run(zone: Zone, argv: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await zone.exec(argv);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}: ${stderr}`);
  return stdout;
}
