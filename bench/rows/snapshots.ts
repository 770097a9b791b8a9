/**
 * Snapshot, restore, clone and fork, in pools of each driver: of a zone of a small image, of one of a large image, and of one that has
 * written as much; running and stopped. They are to take the same, wherever nothing is copied.
 */
import { mustRun } from '../command.js';
import { timed } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import { progress } from '../progress.js';
import { type Bench, Contest, type Row } from './row.js';
import {
  add,
  closeGround,
  type Driver,
  type Ground,
  makeZones,
  once,
  openGround,
  removeZones,
  rounds,
  type Samples,
  sources,
  stopZones,
  sync,
  type Verb,
  verbs,
  zoneOf,
} from './snapshot-ground.js';
import { measureOwn } from './snapshot-own.js';
import { CopyPeers } from './snapshot-peers.js';

const states = ['running', 'stopped'] as const;
type State = (typeof states)[number];

const titles = {
  snapshot: 'snapshot create',
  restore: 'snapshot restore',
  clone: 'clone',
  fork: 'fork, until it runs',
};

/** The tables of the zones on the disk. */
class Contests {
  readonly #verbs = new Map<string, Contest>();
  readonly #first: Contest;

  constructor(note: string) {
    this.#first = new Contest(
      'snapshot-first',
      'the first snapshot, of all that was written',
      'overlay stopped written',
    );
    this.#first.note('once; "sync" is what had been written on its way to the disk, before that');
    for (const state of states)
      for (const verb of verbs) {
        const title = `${titles[verb]}, of a ${state} zone`;
        const contest = new Contest(`${verb}-${state}`, title, 'overlay small image');
        contest.note(note);
        this.#verbs.set(`${verb}-${state}`, contest);
      }
    this.#verbs.get('restore-running')?.note('it is stopped, restored and started again');
    for (const contest of this.all) contest.lacksPeers();
  }

  get all(): readonly Contest[] {
    return [this.#first, ...this.#verbs.values()];
  }

  label(verb: Verb, state: State, name: string): string {
    return this.#verbs.get(`${verb}-${state}`)?.label(name) ?? '';
  }

  first(name: string): string {
    return this.#first.label(name);
  }
}

interface Taking {
  readonly ground: Ground;
  readonly contests: Contests;
  readonly driver: Driver;
  readonly all: Samples;
}

/** A snapshot to which the rounds can go back. */
async function measureFirst({ ground, contests, driver, all }: Taking, state: State, name: string): Promise<void> {
  // The one that has written comes first: what it has on its way to the disk may be on the same one.
  for (const source of [...sources].reverse()) {
    const label = `${driver} ${state} ${source}`;
    const create = ground.tszone.command('snapshot', 'create', `${zoneOf(source)}@${name}`);
    const steps = [
      timed(contests.first(`${label}: sync`), sync(ground, driver, state === 'running' ? source : undefined)),
      timed(contests.first(label), create),
    ];
    await add(all, ground, [steps], once);
  }
}

async function measureState(taking: Taking, state: State, wanted: readonly Verb[], count: number): Promise<void> {
  const { ground, contests, driver, all } = taking;
  const groups = sources.map((source) =>
    rounds(ground, source, wanted, (verb) => contests.label(verb, state, `${driver} ${source}`)),
  );
  await add(all, ground, groups, { ...ground.bench.options, rounds: count, warmup: state === 'stopped' ? 1 : 0 });
  progress(`${driver}: measured, ${state}`);
}

/** The groups of one driver are interleaved; drivers come one after the other, so that the disk has to hold one of them at a time. */
async function measureDriver(taking: Taking, peers: CopyPeers): Promise<void> {
  const { ground, contests, driver, all } = taking;
  const { bench, tszone } = ground;
  const few = Math.min(3, bench.options.rounds);
  try {
    await makeZones(ground, driver);
    // What is copied from then on is what is written between two of them.
    await measureFirst(taking, 'running', 'base');
    await measureState(taking, 'running', ['snapshot', 'clone', 'fork'], few);
    await stopZones(ground);
    await measureFirst(taking, 'stopped', 'start');
    await measureState(taking, 'stopped', verbs, bench.options.rounds);
    await peers.measure(ground, driver);
    for (const source of sources) await mustRun(tszone.command('start', zoneOf(source)));
    const restores = sources.map((source) => {
      const label = contests.label('restore', 'running', `${driver} ${source}`);
      return [timed(label, tszone.command('snapshot', 'restore', '--force', `${zoneOf(source)}@start`))];
    });
    await add(all, ground, restores, { ...bench.options, rounds: few, warmup: 0 });
  } finally {
    await removeZones(ground, driver);
  }
}

async function measureOnDisk(bench: Bench) {
  const tszone = isOffer(bench.warm) ? bench.warm : bench.cold;
  const ground = await openGround(bench, tszone, bench.place.directory, 'write');
  const { tree, times } = ground;
  const engine = tszone === bench.warm ? 'with the engine' : 'cold';
  const big = `${times} times that`;
  const contests = new Contests(
    `${engine}; small image: ${tree.text}; large image, written: ${big}; one small file is written before each`,
  );
  const peers = new CopyPeers(ground);
  const all: Samples = new Map();
  try {
    await peers.measureOnDisk(ground);
    // Overlay's last: thousands of files are removed after it, and ext4 looks at those whenever it makes new ones.
    for (const driver of ['loop', 'btrfs', 'overlay'] as const)
      await measureDriver({ ground, contests, driver, all }, peers);
  } finally {
    await closeGround(ground);
  }
  const tables = await Promise.all(contests.all.map((contest) => contest.table(all)));
  return [...tables, await peers.table()];
}

export const snapshotsRow: Row = {
  name: 'snapshots',
  needsPeers: false,
  measure: async (bench) => [...(await measureOwn(bench)), ...(await measureOnDisk(bench))],
};
