/** many-of-one: what zones of one image take of the disk and of the page cache, one of them and many, when each has read all of it. */
import { readFileSync } from 'node:fs';
import { mustRun, run } from '../command.js';
import { isOffer } from '../peers/peer.js';
import type { Table } from '../table.js';
import { importImage, openTree } from './large-images.js';
import { type Bench, mandatoryLacks, type Row } from './row.js';

const cachedKb = (): number => Number(/^Cached:\s*(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

async function diskKb(path: string): Promise<number> {
  return Number((await mustRun({ argv: ['du', '-sk', path] })).split('\t')[0]);
}

interface Taken {
  readonly disk: number;
  readonly cached: number;
}

function tableOf(id: string, title: string, one: number, many: number, count: number, note: string): Table {
  const cells = [
    { name: 'one', samples: [one] },
    { name: 'many', samples: [many] },
  ];
  return {
    id,
    title: `${title}, one zone and ${count}`,
    unit: 'kB',
    cells,
    lacks: mandatoryLacks(),
    reference: 'one',
    notes: [note],
  };
}

async function measureAll(bench: Bench): Promise<{ one: Taken; many: Taken; imageKb: number }> {
  const tszone = isOffer(bench.warm) ? bench.warm : bench.cold;
  const tree = await openTree(bench, 'many-tree');
  const names = Array.from({ length: bench.options.manyOfOne }, (_, index) => `one${index}`);
  const begin = async (name: string) => {
    await mustRun(tszone.command('create', name, '--image', 'many', '--net', 'none', '--', '/bin/pause'));
    await mustRun(tszone.command('start', name));
    await mustRun(tszone.command('exec', name, '--', '/bin/read', '/data'));
  };
  const taken = async (): Promise<Taken> => ({ disk: await diskKb(tszone.roots.root), cached: cachedKb() });
  try {
    await importImage(bench, tszone, { name: 'many', tree, times: 1 });
    const [first = '', ...others] = names;
    await begin(first);
    const one = await taken();
    for (const name of others) await begin(name);
    return { one, many: await taken(), imageKb: Math.round(tree.bytes / 1024) };
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
    const { one, many, imageKb } = await measureAll(bench);
    const growth = many.cached - one.cached;
    return [
      tableOf(
        'many-disk',
        'disk that the root takes',
        one.disk,
        many.disk,
        count,
        'du of the root, image and records included',
      ),
      tableOf(
        'many-cached',
        'page cache of the image, which each reads as a whole',
        imageKb,
        imageKb + growth,
        count,
        `one: the image; many: that and what Cached of /proc/meminfo has grown by (${growth} kB) while the others read it; only on a quiet machine does that mean anything`,
      ),
    ];
  },
};
