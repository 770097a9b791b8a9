/** many-of-one: what zones of one image take of the disk and of the page cache, one of them and many, when each has read all of it. */
import { readFileSync } from 'node:fs';
import { mustRun, run } from '../command.js';
import { isOffer } from '../peers/peer.js';
import type { Table } from '../table.js';
import { importImage, openTree } from './large-images.js';
import { type Bench, mandatoryLacks, type Row } from './row.js';

const cachedKb = (): number => Number(/^Cached:\s*(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

/** Page cache that the kernel has charged to a zone: who first reads a page of a file pays for it, nobody else does. */
function chargedKb(name: string, pid: number): number {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const v1 = /^\d+:memory:(.+)$/m.exec(groups)?.[1];
  const path = v1 ?? /^0::(.+)$/m.exec(groups)?.[1] ?? '';
  // The zone's own group, whose count has those below in it, and what is gone from there.
  const own = path.slice(0, path.lastIndexOf(`/${name}`) + name.length + 1);
  const stat = readFileSync(`/sys/fs/cgroup${v1 === undefined ? '' : '/memory'}${own}/memory.stat`, 'utf8');
  return Number(/^(?:total_cache|file) (\d+)$/m.exec(stat)?.[1]) / 1024;
}

async function diskKb(path: string): Promise<number> {
  return Number((await mustRun({ argv: ['du', '-sk', path] })).split('\t')[0]);
}

type Pair = Taken['disk'];

function tableOf(id: string, title: string, { one, many }: Pair, count: number, note: string): Table {
  const cells = [
    { name: 'one', samples: [one] },
    { name: 'many', samples: [many] },
  ];
  const whole = `${title}: one zone, and ${count} of the same image`;
  return { id, title: whole, unit: 'kB', cells, lacks: mandatoryLacks(), reference: 'one', notes: [note] };
}

interface Taken {
  readonly disk: { readonly one: number; readonly many: number };
  readonly imageKb: number;
  /** To all but the first. */
  readonly chargedKb: number;
  /** Of the whole machine, while all but the first read. */
  readonly cachedGrowthKb: number;
}

async function measureAll(bench: Bench): Promise<Taken> {
  const tszone = isOffer(bench.warm) ? bench.warm : bench.cold;
  const tree = await openTree(bench, 'many-tree');
  const names = Array.from({ length: bench.options.manyOfOne }, (_, index) => `one${index}`);
  const begin = async (name: string) => {
    await mustRun(tszone.command('create', name, '--image', 'many', '--net', 'none', '--', '/bin/pause'));
    await mustRun(tszone.command('start', name));
    await mustRun(tszone.command('exec', name, '--', '/bin/read', '/data'));
  };
  try {
    await importImage(bench, tszone, { name: 'many', tree, times: 1 });
    const [first = '', ...others] = names;
    await begin(first);
    const [disk, cached] = [await diskKb(tszone.roots.root), cachedKb()];
    for (const name of others) await begin(name);
    let charged = 0;
    for (const name of others) charged += chargedKb(name, await tszone.pidOf(name));
    return {
      disk: { one: disk, many: await diskKb(tszone.roots.root) },
      imageKb: Math.round(tree.bytes / 1024),
      chargedKb: charged,
      cachedGrowthKb: cachedKb() - cached,
    };
  } finally {
    await run(tszone.command('delete', '--force', ...names));
    await run(tszone.command('image', 'delete', 'many'));
  }
}

export const manyOfOneRow: Row = {
  name: 'many-of-one',
  needsPeers: false,
  async measure(bench) {
    const { manyOfOne: count } = bench.options;
    const { disk, imageKb, chargedKb: charged, cachedGrowthKb } = await measureAll(bench);
    const cached = `one: the image; many: that, and what of the page cache is charged to the others, who read it, too. Cached of /proc/meminfo has grown by ${cachedGrowthKb} kB meanwhile, by the doing of all who were busy`;
    return [
      tableOf('many-disk', 'disk that the root takes', disk, count, 'du of the root, image and records included'),
      tableOf('many-cached', 'page cache', { one: imageKb, many: imageKb + charged }, count, cached),
    ];
  },
};
