/** many-of-one: what zones of one image take of the disk and of the page cache, one of them and many, when each has read all of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, run } from '../command.js';
import { isOffer } from '../peers/peer.js';
import type { Tszone } from '../peers/tszone.js';
import { progress } from '../progress.js';
import type { Lack, Table } from '../table.js';
import { importImage, openTree } from './large-images.js';
import { openLxc, openPodman, type Sharer } from './many-peers.js';
import { type Bench, mandatoryLacks, type Row } from './row.js';

const cachedKb = (): number => Number(/^Cached:\s*(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);

/**
 * Page cache that the kernel has charged to a group: who first reads a page of a file pays for it, nobody else does.
 *
 * @param part of the group's path, which ends there: its count has those below in it, and what is gone from there
 */
function chargedKb(pid: number, part: string): number {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  const v1 = /^\d+:memory:(.+)$/m.exec(groups)?.[1];
  const path = v1 ?? /^0::(.+)$/m.exec(groups)?.[1] ?? '';
  const end = path.indexOf('/', path.indexOf(part) + part.length);
  const own = end < 0 ? path : path.slice(0, end);
  const stat = readFileSync(`/sys/fs/cgroup${v1 === undefined ? '' : '/memory'}${own}/memory.stat`, 'utf8');
  return Number(/^(?:total_cache|file) (\d+)$/m.exec(stat)?.[1]) / 1024;
}

async function diskKb(path: string): Promise<number> {
  return Number((await mustRun({ argv: ['du', '-skx', path] })).split('\t')[0]);
}

function ours(bench: Bench): Sharer & { readonly tszone: Tszone } {
  const tszone = isOffer(bench.warm) ? bench.warm : bench.cold;
  const names: string[] = [];
  return {
    name: 'tszone',
    tszone,
    directory: tszone.roots.root,
    async begin(name) {
      names.push(name);
      await mustRun(tszone.command('create', name, '--image', 'many', '--net', 'none', '--', '/bin/pause'));
      await mustRun(tszone.command('start', name));
      await mustRun(tszone.command('exec', name, '--', '/bin/read', '/data'));
    },
    pidOf: (name) => tszone.pidOf(name),
    async close() {
      await run(tszone.command('delete', '--force', ...names));
      await run(tszone.command('image', 'delete', 'many'));
    },
  };
}

interface Taken {
  readonly name: string;
  readonly count: number;
  readonly oneDiskKb: number;
  readonly manyDiskKb: number;
  /** To each but the first. */
  readonly chargedKb: readonly number[];
  /** By how much `Cached` of the whole machine grew while each of them was made and read. */
  readonly grownKb: readonly number[];
}

async function measureSharer(sharer: Sharer, count: number): Promise<Taken> {
  try {
    const [first = '', ...others] = Array.from({ length: count }, (_, index) => `one${index}`);
    await sharer.begin(first);
    const oneDiskKb = await diskKb(sharer.directory);
    const grown: number[] = [];
    for (const name of others) {
      const before = cachedKb();
      await sharer.begin(name);
      grown.push(cachedKb() - before);
      if (grown.length % 50 === 0) progress(`${sharer.name}: ${grown.length} zones have read all`);
    }
    const charged: number[] = [];
    for (const name of others) {
      const pid = await sharer.pidOf(name);
      charged.push(chargedKb(pid, partOf(pid, name)));
    }
    const manyDiskKb = await diskKb(sharer.directory);
    progress(`${sharer.name}: ${count} of one image measured`);
    return { name: sharer.name, count, oneDiskKb, manyDiskKb, chargedKb: charged, grownKb: grown };
  } finally {
    await sharer.close();
  }
}

/** What the group's name has in it: the zone's, or, of podman, a number of its own. */
const partOf = (pid: number, name: string): string =>
  /libpod-[0-9a-f]+/.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[0] ?? name;

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function pairTable(id: string, title: string, one: number, many: number, note: string): Table {
  const cells = [
    { name: 'one', samples: [one] },
    { name: 'many', samples: [many] },
  ];
  return { id, title, unit: 'kB', cells, lacks: mandatoryLacks(), reference: 'one', notes: [note] };
}

function eachTable(all: readonly Taken[], imageKb: number, lacks: readonly Lack[]): Table {
  const image = { name: 'the image', samples: [imageKb] };
  const each = all.flatMap(({ name, count, oneDiskKb, manyDiskKb, chargedKb: charged, grownKb }) => [
    { name: `${name}: disk`, samples: [(manyDiskKb - oneDiskKb) / (count - 1)] },
    { name: `${name}: page cache charged to it`, samples: charged },
    { name: `${name}: growth of Cached`, samples: grownKb },
  ]);
  const counts = all.map(({ name, count }) => `${count} of ${name}`).join(', ');
  const notes = [`${counts}; Cached is of the whole machine: who else is busy counts, too`];
  return {
    id: 'many-each',
    title: 'what each further zone takes that reads all of its image',
    unit: 'kB',
    cells: [image, ...each],
    lacks,
    notes,
  };
}

/** Others are asked for fewer: what each takes is what counts. */
const mostOfOthers = 10;

async function measureOthers({ place, options }: Bench, root: string, lacks: Lack[]): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const [name, open] of [
    ['lxc, overlay', openLxc],
    ['podman', openPodman],
  ] as const) {
    const sharer = await open(place, root);
    if (typeof sharer === 'string') lacks.push({ name, reason: sharer });
    else taken.push(await measureSharer(sharer, Math.min(mostOfOthers, options.manyOfOne)));
  }
  return taken;
}

export const manyOfOneRow: Row = {
  name: 'many-of-one',
  needsPeers: false,
  async measure(bench) {
    const { place, options } = bench;
    const tree = await openTree(bench, join(place.directory, 'many-tree'), 'write');
    const own = ours(bench);
    const imageKb = await diskKb(tree.path);
    await importImage(bench, own.tszone, { name: 'many', tree, times: 1 });
    const taken = await measureSharer(own, options.manyOfOne);
    const root = place.make('many-root');
    await mustRun({ argv: ['cp', '-a', `${place.rootfs}/.`, root] });
    // Its files have a second name there.
    await mustRun({ argv: ['cp', '-al', tree.path, join(root, 'data')] });
    const lacks = mandatoryLacks().filter(({ name }) => name !== 'lxc');
    const others = await measureOthers(bench, root, lacks);
    await run({ argv: ['rm', '-rf', root, tree.path] });
    const title = (what: string) => `${what}: one zone, and ${taken.count} of the same image`;
    const charged = 'one: the image; many: that, and what is charged to the others, who read all of it, too';
    return [
      pairTable(
        'many-disk',
        title('disk'),
        taken.oneDiskKb,
        taken.manyDiskKb,
        'du of the root, image and records included',
      ),
      pairTable('many-cached', title('page cache'), imageKb, imageKb + sum(taken.chargedKb), charged),
      eachTable([taken, ...others], imageKb, lacks),
    ];
  },
};
