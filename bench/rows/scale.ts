/** One root from no zone to many: each create and start, `list` on the way, the engine's memory, and the end of all at once. */
import { sleep, until } from '../command.js';
import { measure, timed } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import type { Tszone } from '../peers/tszone.js';
import { busyMs, isAlive, processes, pssKb } from '../processes.js';
import type { Cell, Lack, Table } from '../table.js';
import { deleteAll, namesOf, stopAll } from './many.js';
import { zonesOf } from './memory.js';
import { type Bench, mandatoryLacks, type Row } from './row.js';

const once = { rounds: 1, warmup: 0, pauseMs: 0 };
const listRounds = 15;

/** 1, 10, 100, … and the last. */
function checkpoints(count: number): number[] {
  const powers: number[] = [];
  for (let at = 1; at < count; at *= 10) powers.push(at);
  return [...powers, count];
}

interface Growth {
  readonly creates: number[];
  readonly starts: number[];
  readonly lists: Cell[];
  readonly engine: Cell[];
}

async function grow(
  { place, cold, warm, options }: Bench,
  tszone: Tszone,
  names: readonly string[],
  mark: string,
): Promise<Growth> {
  const growth: Growth = { creates: [], starts: [], lists: [], engine: [] };
  let done = 0;
  for (const at of checkpoints(names.length)) {
    const some = names.slice(done, at).map((name) => tszone.life(name, ['/bin/pause', mark], { net: 'bridge=bench' }));
    const pace = { ...once, pauseMs: options.pauseMs };
    const steps = some.flatMap(({ create, start }) => [timed('create', create), timed('start', start)]);
    const samples = await measure(place, [steps], pace);
    growth.creates.push(...(samples.get('create') ?? []));
    growth.starts.push(...(samples.get('start') ?? []));
    done = at;
    const list = tszone.command('list');
    const lists = [[timed('list', { ...list, env: { ...list.env, TSZONE_ENGINE: 'off' } })], [timed('warm', list)]];
    const taken = await measure(place, isOffer(warm) ? lists : lists.slice(0, 1), {
      ...pace,
      rounds: listRounds,
      warmup: 1,
    });
    const suffix = at === names.length ? '' : ` at ${at}`;
    growth.lists.push({ name: `tszone${suffix}`, samples: taken.get('list') ?? [] });
    if (tszone !== cold) {
      growth.lists.push({ name: `tszone warm${suffix}`, samples: taken.get('warm') ?? [] });
      growth.engine.push({
        name: `with ${at} zones`,
        samples: [tszone.daemons().reduce((sum, pid) => sum + pssKb(pid), 0)],
      });
    }
  }
  return growth;
}

/** Kills every pid 1 and waits until no monitor is left: how long that takes, and what all CPUs work meanwhile. */
async function dieAtOnce(mark: string, before: ReadonlySet<number>): Promise<{ wall: number; busy: number }> {
  const zones = zonesOf(mark, before);
  const monitors = zones.flatMap(({ outside }) => outside);
  const startedAt = performance.now();
  const busyBefore = busyMs();
  for (const { inside } of zones) {
    const pid1 = inside.at(-1);
    if (pid1 !== undefined) process.kill(pid1, 'SIGKILL');
  }
  await until('all monitors end', () => !monitors.some(isAlive), 300);
  return { wall: performance.now() - startedAt, busy: busyMs() - busyBefore };
}

/** Everything that acts on all zones; they run when it begins, and are gone when it ends. */
async function endAll(
  { place }: Bench,
  tszone: Tszone,
  names: readonly string[],
  mark: string,
  before: ReadonlySet<number>,
): Promise<Cell[]> {
  const all = async (name: string, command: ReturnType<Tszone['command']>): Promise<Cell> => {
    const samples = await measure(place, [[timed(name, command)]], once);
    return { name, samples: samples.get(name) ?? [] };
  };
  const stopped = await all('stop, one command', stopAll(tszone, names));
  const started = await all('start, one command', tszone.command('start', ...names));
  await sleep(1000);
  const { wall, busy } = await dieAtOnce(mark, before);
  const first = await all('the first list after the deaths', tszone.command('list'));
  const deleted = await all('delete, one command', tszone.command('delete', '--force', ...names));
  return [
    stopped,
    started,
    { name: 'deaths at once: until all is over', samples: [wall] },
    { name: 'deaths at once: work of all CPUs', samples: [busy] },
    first,
    deleted,
  ];
}

export const scaleRow: Row = {
  name: 'scale',
  needsPeers: false,
  async measure(bench) {
    const { cold, warm, options } = bench;
    const tszone = isOffer(warm) ? warm : cold;
    const names = namesOf('z', options.zones);
    const mark = `${bench.place.marker}-scale`;
    const before = new Set(processes().map(({ pid }) => pid));
    const lacks: Lack[] = [...mandatoryLacks(), ...(isOffer(warm) ? [] : [{ name: 'tszone warm', reason: warm }])];
    try {
      const { creates, starts, lists, engine } = await grow(bench, tszone, names, mark);
      const ends = await endAll(bench, tszone, names, mark, before);
      const table = (id: string, title: string, cells: readonly Cell[], unit: Table['unit'] = 'ms'): Table => ({
        id,
        title,
        unit,
        cells,
        lacks,
      });
      const each = (samples: readonly number[]): Cell[] => [
        { name: 'each', samples },
        { name: 'tenth', samples: samples.slice(5, 15) },
        { name: 'last', samples: samples.slice(-10) },
      ];
      const of = `from 1 to ${names.length} zones with network`;
      return [
        { ...table('scale-create', `create, ${of}`, each(creates)), notes: [windows] },
        { ...table('scale-start', `start, ${of}`, each(starts)), notes: [windows] },
        table('scale-list', `list of zones, all running, ${names.length} if not said`, lists),
        table('scale-engine', 'PSS of the engine', engine, 'kB'),
        table('scale-all', `${names.length} zones at once`, ends),
      ];
    } finally {
      await deleteAll(tszone, names);
    }
  },
};

const windows = 'tenth: the sixth to the fifteenth; last: the last ten; one alone says little';
