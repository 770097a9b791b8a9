/** What an idle zone takes: processes on the host's side, processes inside, and the kernel's own memory. */
import { background, sleep, until } from '../command.js';
import { type Contender, isOffer } from '../peers/peer.js';
import { kernelMemoryKb, type Process, pidNamespace, processes, pssKb } from '../processes.js';
import type { Cell, Lack, Table } from '../table.js';
import { beginLife, endLife } from './lives.js';
import { Contest, forEachContender, type Row } from './row.js';

const kernelParts = ['Slab', 'KernelStack', 'PageTables', 'Percpu'];

/** What runs the payloads with this mark: of each, its ancestors that are newer than `before`, inside and outside. */
export function zonesOf(mark: string, before: ReadonlySet<number>): { inside: number[]; outside: number[] }[] {
  const all = new Map(processes().map((process) => [process.pid, process]));
  const own = pidNamespace(process.pid);
  const payloads = [...all.values()].filter(
    ({ pid, commandLine }) => commandLine.split('\0').includes(mark) && pidNamespace(pid) !== own,
  );
  // bwrap's own pid 1 has the payload's words, too: the youngest of a namespace stands for it.
  const newest = new Map(payloads.map((payload) => [pidNamespace(payload.pid), payload]));
  return [...newest.values()].map((payload) => {
    const line: number[] = [];
    for (let one: Process | undefined = payload; one !== undefined && one.pid > 1 && !before.has(one.pid); ) {
      line.push(one.pid);
      one = all.get(one.parent);
    }
    const isInside = (pid: number) => pidNamespace(pid) !== own;
    return { inside: line.filter(isInside), outside: line.filter((pid) => !isInside(pid)) };
  });
}

const sumPss = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + pssKb(pid), 0);

interface Measured {
  readonly outside: number[];
  readonly inside: number[];
  readonly kernel: number;
}

async function startZones(contender: Contender, names: readonly string[], mark: string): Promise<string | undefined> {
  for (const name of names) {
    const life = contender.life(name, ['/bin/pause', mark]);
    if (isOffer(life)) await beginLife(life);
    else if (contender.foreground !== undefined) background(contender.foreground(name, ['/bin/pause', mark]));
    else return life;
  }
  return undefined;
}

async function endZones(contender: Contender, names: readonly string[], mark: string): Promise<void> {
  for (const name of names) {
    const life = contender.life(name, ['/bin/pause', mark]);
    if (isOffer(life)) await endLife(life);
  }
  for (const { inside } of zonesOf(mark, new Set())) for (const pid of inside) process.kill(pid, 'SIGKILL');
}

async function measureOne(contender: Contender, count: number, mark: string): Promise<Measured | string> {
  const names = Array.from({ length: count }, (_, index) => `memory${index}`);
  const daemons = contender.daemons?.() ?? [];
  const before = new Set(processes().map(({ pid }) => pid));
  await sleep(500);
  const kernelBefore = kernelMemoryKb(...kernelParts);
  const daemonsBefore = sumPss(daemons);
  try {
    const reason = await startZones(contender, names, mark);
    if (reason !== undefined) return reason;
    await until('all zones run', () => zonesOf(mark, before).length === count);
    await sleep(500);
    const zones = zonesOf(mark, before);
    // What a collector of garbage has given back meanwhile is not the zones' merit.
    const growth = Math.max(0, sumPss(daemons) - daemonsBefore) / count;
    return {
      outside: zones.map((zone) => sumPss(zone.outside) + growth),
      inside: zones.map((zone) => sumPss(zone.inside)),
      kernel: (kernelMemoryKb(...kernelParts) - kernelBefore) / count,
    };
  } finally {
    await endZones(contender, names, mark);
  }
}

export const memoryRow: Row = {
  name: 'memory',
  needsPeers: true,
  async measure(bench) {
    const count = bench.options.memoryZones;
    const measured = new Map<string, Measured>();
    const lacks: Lack[] = [];
    const reasons = new Contest('memory', '');
    await forEachContender(bench, [reasons], async (name, contender) => {
      const result = await measureOne(contender, count, `${bench.place.marker}-${name.replace(' ', '-')}`);
      if (typeof result === 'string') lacks.push({ name, reason: result });
      else measured.set(name, result);
    });
    const table = (id: string, title: string, samplesOf: (one: Measured) => number[], note: string): Table => {
      const cells: Cell[] = [...measured].map(([name, one]) => ({ name, samples: samplesOf(one) }));
      return { id, title, unit: 'kB', cells, lacks: [...lacks, ...reasons.missing], notes: [note] };
    };
    const of = `an idle zone, ${count} at a time`;
    return [
      table(
        'memory',
        `PSS on the host side of ${of}`,
        (one) => one.outside,
        'with the growth of daemons, shared by the zones',
      ),
      table('memory-inside', `PSS inside ${of}`, (one) => one.inside, 'pid 1 and the program'),
      table(
        'memory-kernel',
        `the kernel's for ${of}`,
        (one) => [one.kernel],
        `${kernelParts.join(', ')} of the whole machine: others' work counts, too`,
      ),
    ];
  },
};
