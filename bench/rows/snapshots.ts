/**
 * Snapshot, restore, clone and fork, in pools of each driver: of a zone of a small image, of one of a large image, and of one that has
 * written as much; stopped and running. They are to take the same, wherever nothing is copied.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from '../command.js';
import { measure, type Pace, type Step, timed, untimed } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import { Tszone } from '../peers/tszone.js';
import type { Table } from '../table.js';
import { importImage, openTree, type Tree, timesOf } from './large-images.js';
import { type Bench, Contest, type Row } from './row.js';
import { measurePeers } from './snapshot-peers.js';

export const drivers = ['overlay', 'loop', 'btrfs'] as const;
type Driver = (typeof drivers)[number];

export const verbs = ['snapshot', 'restore', 'clone', 'fork'] as const;
type Verb = (typeof verbs)[number];

/** What a zone is made of. */
const sources = ['small image', 'large image', 'written'] as const;
type Source = (typeof sources)[number];

type Contests = Readonly<Record<Verb, Contest>>;

function contestsOf(state: 'stopped' | 'running', note: string): Contests {
  const title = {
    snapshot: 'snapshot create',
    restore: 'snapshot restore',
    clone: 'clone',
    fork: 'fork, until it runs',
  };
  const make = (verb: Verb) => {
    const contest = new Contest(`${verb}-${state}`, `${title[verb]}, of a ${state} zone`, 'overlay small image');
    contest.note(note);
    return contest;
  };
  const [snapshot, restore, clone, fork] = verbs.map(make) as [Contest, Contest, Contest, Contest];
  return { snapshot, restore, clone, fork };
}

const zoneOf = (source: Source) => source.replace(' ', '-');

/** All verbs on a stopped zone, which has written something since the one before. */
export function stoppedSteps(tszone: Tszone, zone: string, file: string, label: (verb: Verb) => string): Step[] {
  const write = untimed(tszone.command('cp', file, `${zone}:/changed`));
  return [
    write,
    timed(label('snapshot'), tszone.command('snapshot', 'create', `${zone}@bench`)),
    write,
    timed(label('restore'), tszone.command('snapshot', 'restore', `${zone}@bench`)),
    write,
    timed(label('clone'), tszone.command('clone', zone, `${zone}-clone`)),
    write,
    timed(label('fork'), tszone.command('fork', zone, `${zone}-fork`)),
    untimed(tszone.command('delete', '--force', `${zone}-clone`, `${zone}-fork`)),
    untimed(tszone.command('snapshot', 'delete', `${zone}@bench`)),
  ];
}

/** Without restore: what the zone has written would lie in a layer afterwards, and there would be nothing to be copied. */
function runningSteps(tszone: Tszone, zone: string, file: string, label: (verb: Verb) => string): Step[] {
  return stoppedSteps(tszone, zone, file, label).filter((step) => step.label !== label('restore'));
}

interface Ground {
  readonly bench: Bench;
  readonly tszone: Tszone;
  readonly tree: Tree;
  readonly file: string;
}

async function makePool(tszone: Tszone, driver: Driver, bytes: number): Promise<string> {
  if (driver === 'overlay') return 'default';
  const size = driver === 'btrfs' ? ['--size', `${Math.ceil(bytes / 2 ** 20)}M`] : [];
  await mustRun(tszone.command('pool', 'create', driver, '--driver', driver, ...size));
  return driver;
}

async function makeZones({ bench, tszone, tree }: Ground, driver: Driver): Promise<void> {
  const { bigBytes } = bench.options;
  const pool = await makePool(tszone, driver, 3 * bigBytes + 2 ** 30);
  for (const source of sources) {
    const image = source === 'large image' ? 'large' : 'small';
    const flags = ['--image', image, '--pool', pool, '--net', 'none'];
    await mustRun(tszone.command('create', zoneOf(source), ...flags, '--', '/bin/pause'));
  }
  for (let copy = 0; copy < timesOf(tree, bigBytes); copy += 1)
    await mustRun(tszone.command('cp', tree.path, `written:/data-${copy}`));
}

async function removeZones(tszone: Tszone, driver: Driver): Promise<void> {
  const names = sources.flatMap((source) => ['', '-clone', '-fork'].map((end) => `${zoneOf(source)}${end}`));
  await run(tszone.command('delete', '--force', ...names));
  if (driver !== 'overlay') await run(tszone.command('pool', 'delete', driver));
}

/** The groups of one driver are interleaved; drivers come one after the other, so that the disk has to hold one of them at a time. */
async function measureDriver(ground: Ground, driver: Driver, stopped: Contests, running: Contests): Promise<Samples> {
  const { bench, tszone, file } = ground;
  const all: Samples = new Map();
  const add = async (groups: readonly (readonly Step[])[], pace: Pace) => {
    for (const [label, samples] of await measure(bench.place, groups, pace)) all.set(label, samples);
  };
  const groupsOf = (contests: Contests, steps: typeof stoppedSteps) =>
    sources.map((source) => steps(tszone, zoneOf(source), file, (verb) => contests[verb].label(`${driver} ${source}`)));
  const few = { ...bench.options, rounds: Math.min(3, bench.options.rounds), warmup: 0 };
  try {
    await makeZones(ground, driver);
    await add(groupsOf(stopped, stoppedSteps), bench.options);
    for (const source of sources) await mustRun(tszone.command('start', zoneOf(source)));
    // What is copied is what was written since the latest snapshot of the running zone.
    for (const source of sources) await mustRun(tszone.command('snapshot', 'create', `${zoneOf(source)}@base`));
    await add(groupsOf(running, runningSteps), few);
    const restores = sources.map((source): Step[] => {
      const label = running.restore.label(`${driver} ${source}`);
      return [timed(label, tszone.command('snapshot', 'restore', '--force', `${zoneOf(source)}@base`))];
    });
    await add(restores, few);
  } finally {
    await removeZones(tszone, driver);
  }
  return all;
}

type Samples = Map<string, readonly number[]>;

/** In memory, so that there is no disk to wait for, less what a command takes that does nothing: what is left is our own work. */
async function measureOwn({ bench, file }: Ground, tszone: Tszone): Promise<Table> {
  const contest = new Contest(
    'snapshot-own',
    'our own work: stopped zones in memory, less what "version" takes',
    undefined,
  );
  contest.lacksPeers();
  const floor = 'snapshot-own/floor';
  const names = (driver: Driver) => `own-${driver}`;
  const own: Samples = new Map();
  try {
    for (const driver of drivers) {
      const pool = await makePool(tszone, driver, 2 ** 30);
      const flags = ['--image', 'bench', '--pool', pool, '--net', 'none'];
      await mustRun(tszone.command('create', names(driver), ...flags, '--', '/bin/pause'));
    }
    const groups = drivers.map((driver) => [
      timed(`${floor} ${driver}`, tszone.command('version')),
      ...stoppedSteps(tszone, names(driver), file, (verb) => contest.label(`${driver} ${verb}`)),
    ]);
    const samples = await measure(bench.place, groups, bench.options);
    for (const driver of drivers) {
      const floors = samples.get(`${floor} ${driver}`) ?? [];
      for (const verb of verbs) {
        const label = contest.label(`${driver} ${verb}`);
        own.set(
          label,
          (samples.get(label) ?? []).map((value, round) => value - (floors[round] ?? Number.NaN)),
        );
      }
    }
  } finally {
    const zones = drivers.flatMap((driver) => ['', '-clone', '-fork'].map((end) => `${names(driver)}${end}`));
    await run(tszone.command('delete', '--force', ...zones));
    for (const driver of ['loop', 'btrfs']) await run(tszone.command('pool', 'delete', driver));
  }
  return contest.table(own);
}

export const snapshotsRow: Row = {
  name: 'snapshots',
  needsPeers: false,
  async measure(bench) {
    const { place, options } = bench;
    const tszone = isOffer(bench.warm) ? bench.warm : bench.cold;
    const tree = await openTree(bench, 'snapshot-tree');
    const file = join(place.directory, 'changed');
    writeFileSync(file, 'changed\n');
    const ground: Ground = { bench, tszone, tree, file };
    const big = `${Math.round((tree.bytes * timesOf(tree, options.bigBytes)) / 2 ** 20)} MB`;
    const note = `${tszone === bench.warm ? 'with the engine' : 'cold'}; small image: ${tree.text}; large image, written: ${big}; one small file is written before each`;
    const [stopped, running] = [contestsOf('stopped', note), contestsOf('running', note)];
    running.restore.note('it is stopped, restored and started again');
    for (const contest of [...Object.values(stopped), ...Object.values(running)]) contest.lacksPeers();
    const all: Samples = new Map();
    const tables: Table[] = [];
    try {
      await importImage(bench, tszone, { name: 'small', tree, times: 1 });
      await importImage(bench, tszone, { name: 'large', tree, times: timesOf(tree, options.bigBytes) });
      for (const driver of drivers)
        for (const [label, samples] of await measureDriver(ground, driver, stopped, running)) all.set(label, samples);
      for (const contest of [...Object.values(stopped), ...Object.values(running)])
        tables.push(await contest.table(all));
      tables.push(await measurePeers(bench, tree));
    } finally {
      for (const image of ['small', 'large']) await run(tszone.command('image', 'delete', image));
    }
    const inMemory = new Tszone(place, tszone === bench.warm ? 'on' : 'off', `/run/${place.marker}`);
    place.later(() => inMemory.close());
    await inMemory.prepare(place.archive, '10.216.0.0/16');
    return [...tables, await measureOwn(ground, inMemory)];
  },
};
