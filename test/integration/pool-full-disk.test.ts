/**
 * The disk of a pool becomes full at each step of what is done with snapshots, clones and layers: it works, or says that the disk is full; nothing
 * is lost, nothing is left, and with room again the same thing works.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isZoneFrozen } from '../../src/cgroups/index.js';
import { hasCode } from '../../src/errors/index.js';
import { createBackup } from '../../src/operations/backup-create.js';
import { type Boundary, observeBoundaries } from '../../src/operations/boundaries.js';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { createZone } from '../../src/operations/create-zone.js';
import { deleteZone } from '../../src/operations/delete-zone.js';
import { mostLayers } from '../../src/operations/flatten-layers.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { lookUpMerged } from '../../src/operations/merged-lookup.js';
import { createPool } from '../../src/operations/pool-create.js';
import { deletePool } from '../../src/operations/pool-delete.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { pruneSnapshots } from '../../src/operations/snapshot-prune.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { withZoneParts } from '../../src/operations/zone-parts.js';
import { groupsOf } from '../../src/operations/zone-ref.js';
import { findPoolOf, volumeOf } from '../../src/operations/zone-storage.js';
import { findZone, readSnapshots, readZone, readZones } from '../../src/state/index.js';
import { layerDriverOf } from '../../src/storage/index.js';
import { givenHost } from '../helpers/given.js';
import { imageStore } from '../helpers/images.js';
import { noteHost } from '../helpers/leaks.js';
import { patience } from '../helpers/patience.js';
import { fillDisk, mountSmallBtrfs, mountSmallDisk, type SmallDisk } from '../helpers/small-disk.js';
import { sh, TempHost } from '../helpers/temp-host.js';

interface Case {
  readonly name: string;
  readonly isRunning?: boolean;
  /** What it is to be worked on is called `z`. */
  readonly bring?: () => Promise<void>;
  readonly work: () => Promise<unknown>;
  /** There is room for it, always: what is kept in reserve for it. */
  readonly isSure?: boolean;
  /** At these boundaries. */
  readonly at?: RegExp;
  /** What `z` may hold if it fails, and what it holds when it has worked. */
  readonly after: string;
}

async function hostOn(directory: string): Promise<TempHost> {
  const host = new TempHost(directory);
  await mkdir(host.root, { mode: 0o700 });
  await symlink(await imageStore(), join(host.root, 'images'));
  noteHost({ instance: await host.prepare(), directory });
  return host;
}

const isNone = (count: number) => count === 0;
const isSome = (count: number) => count > 0;

/** Of the driver overlay it is the pool `default`: all that is written down about zones lies on that disk, too. */
for (const driver of ['overlay', 'loop', 'btrfs'] as const) {
  const isDefault = driver === 'overlay';
  describe(`a full disk below a ${driver} pool`, function () {
    this.timeout(patience(300_000));
    let disk: SmallDisk | undefined;
    let filler: string;
    let failures: number;
    let host: TempHost | undefined;
    after(async () => {
      if (host !== undefined) {
        await rm(filler, { recursive: true, force: true });
        await host.deleteZones();
        if (!isDefault) await deletePool(await context(), 'p');
      }
      await disk?.unmount();
    });
    givenHost({ images: ['busybox'], needs: isDefault ? ['restic'] : [driver] }, async (parent) => {
      const directory = await parent.file('small', undefined, 0o700);
      disk = driver === 'btrfs' ? await mountSmallBtrfs(directory, 64) : await mountSmallDisk(directory, 64);
      filler = join(directory, 'filler');
      host = isDefault ? await hostOn(directory) : parent;
      const pool = isDefault ? {} : { pool: 'p' };
      if (!isDefault) await createPool(await context(), { name: 'p', driver, path: join(directory, 'pool') });
      // So that little is to be filled each time.
      await writeFile(join(directory, 'ballast'), Buffer.alloc(driver === 'loop' ? 0 : 40 << 20, 1));
      await createZone(await context(), { name: 'base', image: 'busybox', net: 'none', ...pool });
      await write('base', { f: 'old', 'd/x': 'x' });
    });
    const opened = async () => {
      if (host === undefined) throw new Error('no host');
      return host.open();
    };
    const context = async () => (await opened()).context;

    async function write(zone: string, files: Readonly<Record<string, string>>): Promise<void> {
      const { roots } = await context();
      const { pool, volume, driver: ways } = await volumeOf(roots, await readZone(roots, zone));
      const opening = { id: volume, volume, layers: [] };
      await ways.open(pool, opening);
      for (const [path, text] of Object.entries(files)) {
        const at = join(ways.directory(pool, volume), 'upper/root', path);
        mkdirSync(join(at, '..'), { recursive: true });
        writeFileSync(at, text, { flush: true });
      }
      await ways.close(pool, opening);
    }

    async function read(zone: string, path: string): Promise<string | undefined> {
      const host = await context();
      return withZoneParts(host, zone, {}, async ([root]) => {
        const found = await lookUpMerged(root?.directories ?? [], `root/${path}`);
        return found === undefined ? undefined : readFile(found.paths[0] ?? '', 'utf8');
      });
    }

    /** `old` in its snapshot, `new` now. */
    async function bring(): Promise<void> {
      const host = await context();
      await cloneZone(host, { source: 'base', name: 'z' });
      await createSnapshot(host, 'z', { name: 'old' });
      await write('z', { f: 'new' });
    }

    async function bringDeep(): Promise<void> {
      await bring();
      const { roots } = await context();
      while (((await readZone(roots, 'z')).storage?.layers.length ?? 0) < mostLayers) {
        await write('z', { more: 'x' });
        await createSnapshot(await context(), 'z');
      }
      await write('z', { f: 'new' });
    }

    async function start(): Promise<void> {
      const zone = await (await opened()).zone('z');
      await zone.start();
      await sh(zone, 'head -c 3000000 /dev/urandom >/root/data; sync');
    }

    const backUp = async () => {
      const beside = join(filler, '../..');
      const [repository, passwordFile] = [join(beside, 'backups'), join(beside, 'password')];
      await writeFile(passwordFile, 'correct horse\n');
      return createBackup(await context(), { zone: 'z', repository, passwordFile });
    };

    const cases: readonly Case[] = [
      // The repository lies elsewhere: backup.test.ts has one that is full.
      ...(isDefault ? [{ name: 'backup of a running zone', isRunning: true, work: backUp, after: 'new' }] : []),
      {
        name: 'snapshot of a stopped zone',
        work: async () => createSnapshot(await context(), 'z', { name: 'made' }),
        after: 'new',
      },
      {
        name: 'restore',
        work: async () => restoreSnapshot(await context(), { zone: 'z', snapshot: 'old' }),
        isSure: isDefault,
        after: 'old',
      },
      {
        name: 'clone of a stopped zone',
        work: async () => cloneZone(await context(), { source: 'z', name: 'made' }),
        after: 'new',
      },
      {
        name: 'clone of a snapshot',
        work: async () => cloneZone(await context(), { source: 'z', snapshot: 'old', name: 'made' }),
        after: 'new',
      },
      {
        name: 'snapshot of a running zone',
        isRunning: true,
        work: async () => createSnapshot(await context(), 'z', { name: 'made' }),
        after: 'new',
      },
      {
        name: 'clone of a running zone',
        isRunning: true,
        work: async () => cloneZone(await context(), { source: 'z', name: 'made' }),
        after: 'new',
      },
      ...(driver === 'btrfs'
        ? []
        : [
            {
              name: 'snapshot by which many layers become one',
              bring: bringDeep,
              at: /^flatten/,
              work: async () => createSnapshot(await context(), 'z', { name: 'made' }),
              after: 'new',
            },
          ]),
    ];

    async function expectNoRemains(): Promise<void> {
      const { roots } = await context();
      const records = await readZones(roots);
      const named = records.flatMap(({ storage }) => storage?.layers ?? []);
      for (const { spec } of records)
        for (const one of await readSnapshots(roots, spec.name)) named.push(...one.layers);
      const pool = await findPoolOf(roots, isDefault ? 'default' : 'p');
      const known = [...new Set(named)].sort();
      expect([...(await layerDriverOf(pool).listLayers(pool))].sort(), 'layers').to.deep.equal(known);
      const volumes = records.map(({ spec, storage }) => (isDefault ? spec.name : (storage?.volume ?? ''))).sort();
      const found = await readdir(join(pool.path, isDefault ? 'zones' : 'volumes'));
      expect(found.map((name) => name.replace(/\.img$/, '')).sort(), 'volumes').to.deep.equal(volumes);
      expect(await readdir(join(roots.root, 'journal')), 'journals').to.deep.equal([]);
    }

    async function stop(): Promise<void> {
      const zone = await (await opened()).zone('z');
      if ((await zone.inspect()).status === 'running') await zone.stop({ force: true });
    }

    async function removeAll(): Promise<void> {
      const host = await context();
      for (const name of ['made', 'z'])
        if ((await findZone(host.roots, name)) !== undefined) await deleteZone(host, name, { force: true });
    }

    /** The disk is full from a boundary on, -1: from before the first. @returns the failure, and the boundaries that there were */
    async function workOnFullDisk(
      one: Case,
      at: number,
    ): Promise<{ error: unknown; isNoted?: boolean; seen: string[] }> {
      const seen: string[] = [];
      if (at === -1) fillDisk(filler);
      observeBoundaries(({ operation, step }: Boundary) => {
        if (seen.push(`${operation}: ${step}`) - 1 === at) fillDisk(filler);
      });
      try {
        const result = await one.work();
        return { error: undefined, isNoted: JSON.stringify(result).includes('could not be put together'), seen };
      } catch (error) {
        return { error, seen };
      } finally {
        observeBoundaries(undefined);
        await rm(filler, { recursive: true, force: true });
      }
    }

    async function expectUnharmed(one: Case, error: unknown): Promise<void> {
      if (error !== undefined)
        expect(hasCode(error, 'RESOURCE_DISK_FULL'), `${String(error)} ${JSON.stringify(error)}`).to.equal(true);
      if (one.isRunning === true) expect(isZoneFrozen(groupsOf(await context(), 'z'))).to.equal(false);
      await openHostContext((await context()).roots);
      await stop();
      expect(await read('z', 'd/x')).to.equal('x');
      expect(await read('z', 'f')).to.be.oneOf(error === undefined ? [one.after] : ['new', one.after]);
      await expectNoRemains();
    }

    async function workAgain(one: Case): Promise<void> {
      if (one.isRunning === true) await start();
      const isMade = (await readSnapshots((await context()).roots, 'z')).some(({ name }) => name === 'made');
      if (!isMade) await one.work();
      await stop();
      expect(await read('z', 'f')).to.equal(one.after);
    }

    async function expectMade(one: Case): Promise<void> {
      if (await findZone((await context()).roots, 'made'))
        expect(await read('made', 'f')).to.equal(one.name.endsWith('snapshot') ? 'old' : 'new');
      await expectNoRemains();
      await removeAll();
      expect(await pruneSnapshots(await context())).to.deep.equal({ snapshots: [], layers: [] });
    }

    /** What was left undone is done by the next. */
    async function expectMergedNext(): Promise<void> {
      const host = await context();
      await createSnapshot(host, 'z', { name: 'next' });
      expect((await readZone(host.roots, 'z')).storage?.layers).to.have.lengthOf(1);
    }

    async function fillAt(one: Case, at: number): Promise<string[]> {
      await (one.bring ?? bring)();
      if (one.isRunning === true) await start();
      const { error, isNoted = false, seen } = await workOnFullDisk(one, at);
      if (error !== undefined || isNoted) failures += 1;
      const check = async () => {
        await expectUnharmed(one, error);
        if (isNoted) await expectMergedNext();
        if (error !== undefined) await workAgain(one);
        await expectMade(one);
      };
      await check().catch((cause: unknown) => {
        const how = error === undefined ? 'done' : 'failed';
        throw new Error(`full from ${seen[at] ?? 'nowhere'} on, ${how}: ${String(cause)}`, { cause });
      });
      return seen;
    }

    afterEach('what a failure has left', async () => {
      observeBoundaries(undefined);
      await rm(filler, { recursive: true, force: true });
      await openHostContext((await context()).roots);
      await removeAll();
    });

    for (const one of cases)
      it(one.name, async () => {
        const steps = await fillAt(one, Number.POSITIVE_INFINITY);
        failures = 0;
        const chosen = steps.flatMap((step, at) => (one.at?.test(step) === false ? [] : [at]));
        expect(chosen).to.not.have.lengthOf(0);
        for (const at of one.at === undefined ? [-1, ...chosen] : chosen) await fillAt(one, at);
        expect(failures, 'how often it has met the full disk').to.satisfy(one.isSure === true ? isNone : isSome);
      });
  });
}
