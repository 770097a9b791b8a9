/** How others copy a stopped system: cp with and without shared blocks, btrfs by itself, and lxc-copy. */
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, findProgram, mustRun, run } from '../command.js';
import { measure, type Step, timed, untimed } from '../measure.js';
import type { Table } from '../table.js';
import { type Tree, timesOf } from './large-images.js';
import { type Bench, Contest } from './row.js';

/** A container whose root is the tree, as lxc-create would have left it; it is copied only from below its own directory. */
async function makeContainer(directory: string, { path }: Tree): Promise<string> {
  const rootfs = join(directory, 'source/rootfs');
  mkdirSync(rootfs, { recursive: true });
  await mustRun({ argv: ['mount', '--bind', path, rootfs] });
  const lines = [`lxc.rootfs.path = dir:${rootfs}`, 'lxc.uts.name = source', 'lxc.net.0.type = empty'];
  writeFileSync(join(directory, 'source/config'), `${lines.join('\n')}\n`);
  return rootfs;
}

const hasLxc = findProgram('lxc-copy') !== undefined;
const hasRsync = findProgram('rsync') !== undefined;

interface Peers {
  readonly tree: Tree;
  readonly times: number;
  /** A btrfs with the trees in a subvolume `source`. */
  readonly btrfs: string;
  readonly containers: string;
  /** On the disk. */
  readonly out: string;
}

function groupsOf(contest: Contest, { tree, btrfs, containers, out }: Peers): Step[][] {
  const remove = (path: string) => untimed({ argv: ['rm', '-rf', path] });
  const one = (name: string, command: Command, undo: Step): Step[] => [timed(contest.label(name), command), undo];
  const lxcCopy = (...more: string[]): Command => ({
    argv: ['lxc-copy', '-P', containers, '-n', 'source', '-N', 'copy', ...more],
  });
  const destroy = untimed({ argv: ['lxc-destroy', '-P', containers, '-n', 'copy'] });
  const [source, copy] = [join(btrfs, 'source'), join(btrfs, 'copy')];
  const subvolume = (...words: string[]): Command => ({ argv: ['btrfs', '-q', 'subvolume', ...words] });
  const share = (from: string): Command => ({ argv: ['cp', '-a', '--reflink=always', from, copy] });
  return [
    one('btrfs subvolume snapshot, large', subvolume('snapshot', source, copy), untimed(subvolume('delete', copy))),
    one('cp --reflink, small', share(join(source, 'data-0')), remove(copy)),
    one('cp --reflink, large', share(source), remove(copy)),
    one('cp -a, small', { argv: ['cp', '-a', tree.path, out] }, remove(out)),
    ...(hasLxc ? [one('lxc-copy -s (overlay), small', lxcCopy('-s', '-B', 'overlay'), destroy)] : []),
    ...(hasLxc && hasRsync ? [one('lxc-copy, small', lxcCopy(), destroy)] : []),
  ];
}

async function fillBtrfs(file: string, btrfs: string, tree: Tree, times: number): Promise<void> {
  writeFileSync(file, '');
  truncateSync(file, 2 * times * tree.bytes + 2 ** 30);
  await mustRun({ argv: ['mkfs.btrfs', '-q', file] });
  mkdirSync(btrfs);
  await mustRun({ argv: ['mount', '-o', 'loop,noatime', file, btrfs] });
  await mustRun({ argv: ['btrfs', '-q', 'subvolume', 'create', join(btrfs, 'source')] });
  for (let copy = 0; copy < times; copy += 1)
    await mustRun({ argv: ['cp', '-a', tree.path, join(btrfs, 'source', `data-${copy}`)] });
  await mustRun({ argv: ['sync', '-f', btrfs] });
}

export async function measurePeers(bench: Bench, tree: Tree): Promise<Table> {
  const { place, options } = bench;
  const contest = new Contest('copy-peers', 'how others copy a stopped system', 'btrfs subvolume snapshot, large');
  contest.lacksPeers();
  const times = timesOf(tree, options.bigBytes);
  contest.note(`small: ${tree.text}; large: ${times} times that; nothing is synced but by btrfs itself`);
  if (!hasLxc) contest.lacks('lxc-copy -s (overlay), small', 'lxc is not installed');
  if (!(hasLxc && hasRsync)) contest.lacks('lxc-copy, small', 'lxc or rsync, by which it copies, is not installed');
  const directory = place.make('copies');
  const [file, btrfs] = [join(directory, 'btrfs.img'), join(directory, 'btrfs')];
  const peers: Peers = { tree, times, btrfs, containers: join(directory, 'lxc'), out: join(directory, 'out') };
  const rootfs = await makeContainer(peers.containers, tree);
  try {
    await fillBtrfs(file, btrfs, tree, times);
    const pace = { ...options, rounds: Math.min(5, options.rounds), warmup: 1 };
    return await contest.table(await measure(place, groupsOf(contest, peers), pace));
  } finally {
    for (const mounted of [btrfs, rootfs]) await run({ argv: ['umount', mounted] });
    rmSync(directory, { recursive: true, force: true });
  }
}
