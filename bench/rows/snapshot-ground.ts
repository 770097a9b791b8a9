/** Zones to be snapshotted and cloned, in a pool of each driver: of a small image, of a large one, and one that writes as much itself. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, mustRun, run } from '../command.js';
import { measure, type Pace, type Step, timed, untimed } from '../measure.js';
import type { Tszone } from '../peers/tszone.js';
import { progress } from '../progress.js';
import { importImage, type Manner, makeFiles, openTree, type Tree, timesOf } from './large-images.js';
import type { Bench } from './row.js';

export const drivers = ['overlay', 'loop', 'btrfs'] as const;
export type Driver = (typeof drivers)[number];

export const verbs = ['snapshot', 'restore', 'clone', 'fork'] as const;
export type Verb = (typeof verbs)[number];

export const sources = ['small image', 'large image', 'written'] as const;
export type Source = (typeof sources)[number];

export type Samples = Map<string, readonly number[]>;

export interface Ground {
  readonly bench: Bench;
  readonly tszone: Tszone;
  readonly tree: Tree;
  /** How many trees are in the large image, and are written. */
  readonly times: number;
  /** A small one, which is written before each command: else there would be nothing to be frozen. */
  readonly file: string;
  /** Has the zones' disk in it. */
  readonly disk: string;
}

export async function openGround(bench: Bench, tszone: Tszone, disk: string, manner: Manner): Promise<Ground> {
  const tree = await openTree(bench, join(disk, 'tree'), manner);
  const times = timesOf(tree, bench.options.bigBytes);
  const file = join(bench.place.directory, 'changed');
  writeFileSync(file, 'changed\n');
  await importImage(bench, tszone, { name: 'small', tree, times: 1 });
  await importImage(bench, tszone, { name: 'large', tree, times });
  return { bench, tszone, tree, times, file, disk };
}

export async function closeGround({ tszone, tree }: Ground): Promise<void> {
  for (const image of ['small', 'large']) await run(tszone.command('image', 'delete', image));
  await run({ argv: ['rm', '-rf', tree.path] });
}

export const zoneOf = (source: Source): string => source.replace(' ', '-');

/** All that was ever measured, by label. */
export async function add(to: Samples, { bench }: Ground, groups: readonly (readonly Step[])[], pace: Pace) {
  for (const [label, samples] of await measure(bench.place, groups, pace)) to.set(label, samples);
}

export const once: Pace = { rounds: 1, warmup: 0, pauseMs: 30 };

/** What is on its way to the disk, of a zone that runs, or of a driver's pool. */
export function sync({ tszone, disk }: Ground, driver: Driver, running: Source | undefined): Command {
  if (running !== undefined) return tszone.command('exec', zoneOf(running), '--', '/bin/flush');
  return { argv: ['sync', '-f', driver === 'btrfs' ? join(tszone.roots.runRoot, 'pools/btrfs') : disk] };
}

/**
 * The running zone writes, below its own /data-ROUND. In memory, where what comes of it is no disk's, it is flushed; in a file system of its own that
 * lies there, there are blocks that take none of it.
 */
export function writing(ground: Ground, driver: Driver, round: string): Step[] {
  const { tszone, tree, times } = ground;
  const inMemory = tree.manner === 'stretch';
  const manner = inMemory && driver !== 'overlay' ? 'allocate' : tree.manner;
  const written = Array.from({ length: times }, (_, copy) => makeFiles({ ...tree, manner }, `/data-${round}-${copy}`));
  return [
    ...written.map((words) => untimed(tszone.command('exec', zoneOf('written'), '--', ...words))),
    ...(inMemory ? [untimed(sync(ground, driver, 'written'))] : []),
  ];
}

/** What is done to a stopped zone, and back to what it was; of a running one there is no restore, which would stop it. */
export function rounds(
  { tszone, file }: Ground,
  source: Source,
  wanted: readonly Verb[],
  label: (verb: Verb) => string,
): Step[] {
  const zone = zoneOf(source);
  const [clone, fork] = [`${zone}-clone`, `${zone}-fork`];
  const commands = {
    snapshot: tszone.command('snapshot', 'create', `${zone}@bench`),
    restore: tszone.command('snapshot', 'restore', `${zone}@bench`),
    clone: tszone.command('clone', zone, clone),
    fork: tszone.command('fork', zone, fork),
  };
  const write = untimed(tszone.command('cp', file, `${zone}:/changed`));
  const made = [...(wanted.includes('clone') ? [clone] : []), ...(wanted.includes('fork') ? [fork] : [])];
  return [
    ...verbs.filter((verb) => wanted.includes(verb)).flatMap((verb) => [write, timed(label(verb), commands[verb])]),
    ...(made.length > 0 ? [untimed(tszone.command('delete', '--force', ...made))] : []),
    // Else layers would pile up.
    ...(wanted.includes('restore') ? [untimed(tszone.command('snapshot', 'restore', `${zone}@start`))] : []),
    untimed(tszone.command('snapshot', 'delete', `${zone}@bench`)),
  ];
}

/** Its place in the tables. */
export const alone = 'the ioctl alone';

/** The one ioctl that all else is made of in a btrfs pool, by a program that does nothing else: what of the time is the kernel's. */
export function bare({ bench, tszone, file }: Ground, source: Source, label: string): Step[] {
  const zone = zoneOf(source);
  const volumes = join(tszone.roots.runRoot, 'pools/btrfs/volumes');
  const program = [bench.place.programs.subvolume, join(tszone.roots.root, 'zones', zone, 'zone.json'), volumes];
  return [
    untimed(tszone.command('cp', file, `${zone}:/changed`)),
    timed(label, { argv: program }),
    untimed({ argv: ['btrfs', '-q', 'subvolume', 'delete', join(volumes, 'bare')] }),
  ];
}

async function makePool(tszone: Tszone, driver: Driver, bytes: number): Promise<string> {
  if (driver === 'overlay') return 'default';
  const size = driver === 'btrfs' ? ['--size', `${Math.ceil(bytes / 2 ** 20)}M`] : [];
  await mustRun(tszone.command('pool', 'create', driver, '--driver', driver, ...size));
  return driver;
}

/** They run, and one of them has written; nothing of that is frozen yet. */
export async function makeZones(ground: Ground, driver: Driver): Promise<void> {
  const { bench, tszone } = ground;
  const pool = await makePool(tszone, driver, 8 * bench.options.bigBytes + 2 ** 30);
  for (const source of sources) {
    const image = source === 'large image' ? 'large' : 'small';
    const flags = ['--image', image, '--pool', pool, '--net', 'none'];
    await mustRun(tszone.command('create', zoneOf(source), ...flags, '--', '/bin/pause'));
    await mustRun(tszone.command('start', zoneOf(source)));
  }
  for (const { command } of writing(ground, driver, 'first')) await mustRun(command);
  progress(`${driver}: zones made, ${ground.times} times the small tree written`);
}

export async function stopZones({ tszone }: Ground): Promise<void> {
  for (const source of sources) await mustRun(tszone.command('stop', '--force', zoneOf(source)));
}

export async function removeZones({ tszone }: Ground, driver: Driver): Promise<void> {
  const names = sources.flatMap((source) => ['', '-clone', '-fork'].map((end) => `${zoneOf(source)}${end}`));
  await run(tszone.command('delete', '--force', ...names));
  if (driver !== 'overlay') await run(tszone.command('pool', 'delete', driver));
  progress(`${driver}: removed`);
}
