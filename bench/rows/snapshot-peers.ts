/**
 * How others copy a stopped system, beside our clone of the same: in the btrfs pool btrfs by itself, and cp with shared blocks, both of the
 * volume of the zone that has written; on the bench's own disk lxc-copy, and cp.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, findProgram, mustRun, run } from '../command.js';
import { type Step, timed, untimed } from '../measure.js';
import { progress } from '../progress.js';
import type { Table } from '../table.js';
import { Contest } from './row.js';
import { add, type Driver, type Ground, type Samples, zoneOf } from './snapshot-ground.js';

const hasLxc = findProgram('lxc-copy') !== undefined;
const hasRsync = findProgram('rsync') !== undefined;

const remove = (path: string) => untimed({ argv: ['rm', '-rf', path] });

/** A container whose root is the tree, as lxc-create would have left it; it is copied only from below its own directory. */
async function makeContainer(directory: string, path: string): Promise<string> {
  const rootfs = join(directory, 'source/rootfs');
  mkdirSync(rootfs, { recursive: true });
  await mustRun({ argv: ['mount', '--bind', path, rootfs] });
  const lines = [`lxc.rootfs.path = dir:${rootfs}`, 'lxc.uts.name = source', 'lxc.net.0.type = empty'];
  writeFileSync(join(directory, 'source/config'), `${lines.join('\n')}\n`);
  return rootfs;
}

/** Where the zone's volume lies in a pool of ours that is mounted. */
function volumeOf({ tszone }: Ground, pool: string, zone: string): string {
  const text = readFileSync(join(tszone.roots.root, 'zones', zone, 'zone.json'), 'utf8');
  const { storage } = JSON.parse(text) as { storage: { volume: string } };
  const path = join(tszone.roots.runRoot, 'pools', pool, 'volumes', storage.volume);
  if (!existsSync(path)) throw new Error(`${zone}: no volume at ${path}`);
  return path;
}

export class CopyPeers {
  readonly #contest = new Contest('copy-peers', 'how others copy a stopped system', 'clone, btrfs, written');
  readonly #samples: Samples = new Map();

  constructor({ tree, times }: Ground) {
    this.#contest.lacksPeers();
    this.#contest.note(
      `small: ${tree.text}; written: ${times} times that; of others nothing is synced but by btrfs itself`,
    );
    if (!hasLxc) this.#contest.lacks('lxc-copy -s (overlay), small', 'lxc is not installed');
    if (!(hasLxc && hasRsync))
      this.#contest.lacks('lxc-copy, small', 'lxc or rsync, by which it copies, is not installed');
  }

  /** On the disk, before anything has been deleted there: ext4 looks at each inode that was, for minutes, before it gives another. */
  async measureOnDisk(ground: Ground): Promise<void> {
    const { place } = ground.bench;
    const directory = place.make('copies');
    const containers = join(directory, 'lxc');
    const rootfs = await makeContainer(containers, ground.tree.path);
    place.later(() => run({ argv: ['umount', rootfs] }));
    // $$ is another number each time: what is made stays.
    const made = (name: string, command: string): Step[] => [
      timed(this.#contest.label(name), { argv: ['sh', '-c', command] }),
    ];
    const lxcCopy = `exec lxc-copy -P ${containers} -n source -N copy-$$`;
    const groups = [
      made('cp -a, small', `exec cp -a ${ground.tree.path} ${directory}/out-$$`),
      ...(hasLxc ? [made('lxc-copy -s (overlay), small', `${lxcCopy} -s -B overlay`)] : []),
      ...(hasLxc && hasRsync ? [made('lxc-copy, small', lxcCopy)] : []),
    ];
    await this.#add(ground, groups);
  }

  /** While the zones of the driver are there, stopped. */
  async measure(ground: Ground, driver: Driver): Promise<void> {
    if (driver === 'overlay') await this.#add(ground, [this.#clone(ground, driver)]);
    if (driver !== 'btrfs') return;
    const volume = volumeOf(ground, driver, zoneOf('written'));
    const copy = join(volume, '../../copy');
    const subvolume = (...words: string[]): Command => ({ argv: ['btrfs', '-q', 'subvolume', ...words] });
    const share = (from: string): Command => ({ argv: ['cp', '-a', '--reflink=always', from, copy] });
    const snapshot = subvolume('snapshot', volume, copy);
    await this.#add(ground, [
      this.#clone(ground, driver),
      this.#one('btrfs subvolume snapshot, written', snapshot, untimed(subvolume('delete', copy))),
      this.#one('cp --reflink, small', share(join(volume, 'upper/data-first-0')), remove(copy)),
      this.#one('cp --reflink, written', share(join(volume, 'upper')), remove(copy)),
    ]);
  }

  table(): Promise<Table> {
    return this.#contest.table(this.#samples);
  }

  #one(name: string, command: Command, undo: Step): Step[] {
    return [timed(this.#contest.label(name), command), undo];
  }

  #clone({ tszone }: Ground, driver: Driver): Step[] {
    const clone = `${zoneOf('written')}-clone`;
    const command = tszone.command('clone', zoneOf('written'), clone);
    return this.#one(`clone, ${driver}, written`, command, untimed(tszone.command('delete', clone)));
  }

  async #add(ground: Ground, groups: readonly (readonly Step[])[]): Promise<void> {
    const { options } = ground.bench;
    await add(this.#samples, ground, groups, { ...options, rounds: Math.min(3, options.rounds), warmup: 0 });
    progress(`others measured: ${groups.map(([step]) => step?.label.replace(/^.*\//, '')).join('; ')}`);
  }
}
