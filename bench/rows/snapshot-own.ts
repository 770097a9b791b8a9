/**
 * Our own work: the whole command, less what one takes that does nothing, with root and pools in memory, where a sync costs nothing. Files there have
 * their length and no blocks, but in the file systems that pools are made of, in which blocks can be had without memory.
 */
import { join } from 'node:path';
import { mustRun, run } from '../command.js';
import { type Step, timed, untimed } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import { Tszone } from '../peers/tszone.js';
import { progress } from '../progress.js';
import type { Table } from '../table.js';
import { type Bench, Contest } from './row.js';
import {
  add,
  alone,
  bare,
  closeGround,
  type Driver,
  drivers,
  type Ground,
  makeZones,
  openGround,
  removeZones,
  rounds,
  type Samples,
  sources,
  stopZones,
  type Verb,
  writing,
  zoneOf,
} from './snapshot-ground.js';

const contests = {
  stopped: new Contest('own-stopped', 'our own work, of a stopped zone', 'overlay clone small image'),
  running: new Contest('own-running', 'our own work, of a running zone, where nothing is copied', undefined),
  first: new Contest(
    'own-unfrozen',
    'our own work, of a stopped zone that has written since its latest snapshot',
    undefined,
  ),
};
const floor = 'own/floor';

/** In the same round as what it is taken from. */
class Own {
  readonly #samples: Samples = new Map();
  readonly #floors: string[] = [];

  /** A floor for these steps, which stand for each other: what each takes above it is the figure. */
  with(tszone: Tszone, steps: readonly Step[]): Step[] {
    const label = `${floor} ${this.#floors.push('')}`;
    return [timed(label, tszone.command('version')), ...steps];
  }

  /** Groups as they were measured, by `with`. */
  take(samples: Samples, groups: readonly (readonly Step[])[]): void {
    for (const [first, ...steps] of groups) {
      const floors = samples.get(first?.label ?? '') ?? [];
      for (const { label } of steps.filter(({ kind }) => kind === 'timed')) {
        const values = samples.get(label) ?? [];
        this.#samples.set(
          label,
          // What is no command of ours has nothing of that in it.
          label.includes(`/${alone}`) ? values : values.map((value, round) => value - (floors[round] ?? Number.NaN)),
        );
      }
    }
  }

  get samples(): Samples {
    return this.#samples;
  }
}

interface Taking {
  readonly ground: Ground;
  readonly driver: Driver;
  readonly own: Own;
}

async function take({ ground, own }: Taking, groups: readonly (readonly Step[])[], count: number): Promise<void> {
  const taken: Samples = new Map();
  const withFloors = groups.map((steps) => own.with(ground.tszone, steps));
  await add(taken, ground, withFloors, { ...ground.bench.options, rounds: count, warmup: count > 1 ? 1 : 0 });
  own.take(taken, withFloors);
}

const threeVerbs = ['snapshot', 'restore', 'clone'] as const;

async function takeRounds(taking: Taking, contest: Contest, wanted: readonly Verb[]): Promise<void> {
  const { ground, driver } = taking;
  const groups = sources.map((source) => [
    ...rounds(ground, source, wanted, (verb) => contest.label(`${driver} ${verb} ${source}`)),
    ...(driver === 'btrfs' ? bare(ground, source, contest.label(`${alone} ${source}`)) : []),
  ]);
  await take(taking, groups, ground.bench.options.rounds);
}

/** All that the zone has written is in its volume each time. */
async function takeUnfrozen(taking: Taking): Promise<void> {
  const { ground, driver } = taking;
  const { tszone } = ground;
  const zone = zoneOf('written');
  const fill = (round: string) => [
    untimed(tszone.command('start', zone)),
    ...writing(ground, driver, round),
    untimed(tszone.command('stop', '--force', zone)),
  ];
  const commands = {
    snapshot: tszone.command('snapshot', 'create', `${zone}@start`),
    clone: tszone.command('clone', zone, `${zone}-clone`),
    restore: tszone.command('snapshot', 'restore', `${zone}@start`),
  };
  if (driver === 'btrfs') {
    for (const { command } of fill('bare')) await mustRun(command);
    await take(taking, [bare(ground, 'written', contests.first.label(alone))], 1);
    for (const { command } of fill('snapshot')) await mustRun(command);
  }
  for (const verb of ['snapshot', 'clone', 'restore'] as const) {
    for (const { command } of verb === 'snapshot' ? [] : fill(verb)) await mustRun(command);
    const steps = [timed(contests.first.label(`${driver} ${verb}`), commands[verb])];
    // It waits until what the zone had written is removed.
    const next = timed(
      contests.first.label(`${driver} next after that`),
      tszone.command('snapshot', 'delete', `${zone}@none`),
    );
    await take(taking, [verb === 'restore' ? [...steps, next] : steps], 1);
    if (verb === 'clone') await mustRun(tszone.command('delete', `${zone}-clone`));
  }
}

async function measureDriver(taking: Taking): Promise<void> {
  const { ground, driver } = taking;
  try {
    await makeZones(ground, driver);
    if (driver === 'btrfs') await takeRounds(taking, contests.running, ['snapshot', 'clone']);
    await stopZones(ground);
    for (const source of ['small image', 'large image'] as const)
      await mustRun(ground.tszone.command('snapshot', 'create', `${zoneOf(source)}@start`));
    await takeUnfrozen(taking);
    await takeRounds(taking, contests.stopped, threeVerbs);
    progress(`${driver}: our own work measured`);
  } finally {
    await removeZones(ground, driver);
  }
}

export async function measureOwn(bench: Bench): Promise<Table[]> {
  const { place } = bench;
  const disk = `/run/${place.marker}-memory`;
  await mustRun({ argv: ['mkdir', disk] });
  place.later(() => run({ argv: ['rm', '-rf', disk] }));
  const tszone = new Tszone(place, isOffer(bench.warm) ? 'on' : 'off', join(disk, 'tszone'));
  place.later(() => tszone.close());
  await tszone.prepare(place.archive, '10.216.0.0/16');
  const ground = await openGround(bench, tszone, disk, 'stretch');
  const { tree, times } = ground;
  const note = `less what "version" takes; all is in memory; small image: ${tree.text}; large image, written: ${times} times that`;
  const own = new Own();
  try {
    for (const driver of drivers) await measureDriver({ ground, driver, own });
  } finally {
    await closeGround(ground);
    await tszone.close();
  }
  contests.first.note('once');
  for (const contest of Object.values(contests))
    contest.note(
      `"${alone}", all of it: a program that makes a snapshot of the same btrfs volume, and does nothing else`,
    );
  for (const contest of Object.values(contests)) {
    contest.note(note);
    contest.lacksPeers();
  }
  return Promise.all(Object.values(contests).map((contest) => contest.table(own.samples)));
}
