/**
 * kill -9 at every boundary of what is done with snapshots, clones and layers in pools of files: each zone is what it was or what it was to
 * be, and after the next command nothing is left over. A zone for each boundary, killed side by side.
 */
import { expect } from 'chai';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { exportZone } from '../../src/operations/export-zone.js';
import { mostLayers } from '../../src/operations/flatten-layers.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { createPool } from '../../src/operations/pool-create.js';
import { deletePool } from '../../src/operations/pool-delete.js';
import { growPool } from '../../src/operations/pool-grow.js';
import { listPools } from '../../src/operations/pool-list.js';
import { setZone } from '../../src/operations/set-zone.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { pruneSnapshots } from '../../src/operations/snapshot-prune.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { findZone, readSnapshots, readZone } from '../../src/state/index.js';
import { type Crasher, makeCrasher, recoverKilled } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { type KillOrder, poolBytes, poolOptions } from '../helpers/kill-at.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

interface Case {
  readonly operation: KillOrder['operation'];
  readonly isRunning?: boolean;
  readonly says?: string;
  readonly zone?: { readonly pool?: string; readonly disk?: string };
  /** Instead of a zone with a snapshot. */
  readonly bring?: (name: string) => Promise<void>;
  readonly check?: (name: string) => Promise<void>;
}

const stateOf = ({ bring, isRunning = false }: Case) =>
  bring !== undefined ? '' : isRunning ? ' of a running zone' : ' of a stopped zone';

/** The others are those of a zone of the default pool: snapshot-crash.test.ts. */
function concernsLayers(steps: readonly string[], at: number): boolean {
  const about = /storage|journal|freeze|filled|record|merged|unpacked|copied|snapshot-save|zone-write/;
  return at === steps.length - 1 || about.test(steps[at] ?? '');
}

for (const pool of ['loop-a', 'btrfs-a'] as const) {
  const driver = pool.startsWith('loop') ? 'loop' : 'btrfs';
  describe(`kill -9 of what is done with snapshots in a ${driver} pool`, function () {
    this.timeout(patience(300_000));
    let crasher: Crasher;
    let empty: Snapshot;
    const given = givenHost({ images: ['busybox'], needs: [driver] }, async (host) => {
      crasher = await makeCrasher();
      const tszone = await host.open();
      await createPool(tszone.context, poolOptions(pool));
      const base = await tszone.create({ name: 'base', image: 'busybox', net: 'none', pool });
      await base.start();
      await sh(base, 'echo old >/root/f; mkdir /root/d; echo x >/root/d/x');
      await base.stop({ force: true });
      // The directories that all zones share are there before.
      await bring('first', true);
      await exportZone(tszone.context, { zone: 'first', target: `${host.root}.export`, snapshots: true });
      await remove('first');
      empty = await host.snapshot();
    });
    after(async () => crasher?.[Symbol.asyncDispose]());
    const context = async () => (await given.host.open()).context;
    const zoneOf = async (name: string) => (await given.host.open()).zone(name);

    /** `old` in its snapshot, `new` now. */
    async function bring(name: string, isRunning: boolean): Promise<void> {
      const host = await context();
      await cloneZone(host, { source: 'base', name });
      await createSnapshot(host, name, { name: 'old' });
      const zone = await zoneOf(name);
      await zone.start();
      await sh(zone, 'echo new >/root/f; rm -r /root/d');
      if (!isRunning) await zone.stop({ force: true });
    }

    async function remove(name: string): Promise<void> {
      if ((await findZone((await context()).roots, name)) === undefined) return;
      await (await zoneOf(name)).delete({ force: true });
    }

    async function content(name: string): Promise<string> {
      const zone = await zoneOf(name);
      const isRunning = (await zone.inspect()).status === 'running';
      if (!isRunning) await zone.start();
      const text = await sh(zone, 'cat /root/f; ls -d /root/d 2>/dev/null || true');
      if (!isRunning) await zone.stop({ force: true });
      return text;
    }
    const [then, now] = ['old\n/root/d', 'new'];

    async function expectRestorable(name: string): Promise<void> {
      const host = await context();
      const record = await readZone(host.roots, name);
      for (const one of await readSnapshots(host.roots, name)) {
        expect(one.pool, 'the pool of the snapshot').to.equal(record.storage?.pool ?? 'default');
        await restoreSnapshot(host, { zone: name, snapshot: one.name }, { force: true });
        expect(await content(name)).to.equal(one.name === 'old' ? then : now);
      }
    }

    /** Its chain is as long as it may be: one layer more, and all become one. */
    async function bringDeep(name: string): Promise<void> {
      const host = await context();
      if ((await findZone(host.roots, 'deep')) === undefined) {
        await cloneZone(host, { source: 'base', name: 'deep' });
        const deep = await zoneOf('deep');
        for (let layer = 2; layer < mostLayers; layer += 1) {
          await deep.start();
          await sh(deep, `echo ${layer} >/root/layer; ln -f /root/layer /root/hard; rm -rf /root/d`);
          await deep.stop({ force: true });
          await createSnapshot(host, 'deep', { name: `n${layer}` });
        }
      }
      await cloneZone(host, { source: 'deep', name });
      const zone = await zoneOf(name);
      await zone.start();
      await sh(zone, 'echo new >/root/f');
      await zone.stop({ force: true });
      await createSnapshot(host, name, { name: 'first' });
      await zone.start();
      await sh(zone, 'echo new >/root/f; touch /root/last');
      await zone.stop({ force: true });
    }

    const isNow = async (name: string) => void expect(await content(name)).to.equal(now);
    /** A copy is there already, on top of which the next one lies in a loop pool. */
    async function bringCopied(name: string): Promise<void> {
      await bring(name, true);
      await createSnapshot(await context(), name, { name: 'copied' });
      await sh(await zoneOf(name), 'touch /root/since');
    }

    const cases: readonly Case[] = [
      { operation: 'snapshot create', isRunning: true, check: isNow },
      { operation: 'snapshot create', says: ' of a running zone, once more', bring: bringCopied, check: isNow },
      {
        operation: 'snapshot restore',
        check: async (name) => void expect(await content(name)).to.be.oneOf([now, then]),
      },
      { operation: 'clone', check: isNow },
      { operation: 'clone', isRunning: true, check: isNow },
      { operation: 'clone to a pool', zone: { pool: 'default' }, check: isNow },
      { operation: 'import', zone: { pool }, bring: async () => {}, check: isNow },
      { operation: 'set pool', zone: { pool: 'default' }, check: isNow },
      {
        operation: 'set disk',
        zone: { disk: '160M' },
        check: async (name) => {
          await isNow(name);
          await setZone(await context(), name, { disk: '160M' });
          const { written } = await (await zoneOf(name)).status();
          expect(written?.bytesLimit).to.be.within(140 * 2 ** 20, 160 * 2 ** 20);
        },
      },
    ];
    const deepCase: Case = {
      operation: 'snapshot create',
      bring: bringDeep,
      check: async (name) => {
        await isNow(name);
        const zone = await zoneOf(name);
        await zone.start();
        expect(await sh(zone, 'cat /root/layer; stat -c %h /root/hard; ls /root')).to.equal(
          `${mostLayers - 1}\n2\nf\nhard\nlast\nlayer`,
        );
        await zone.stop({ force: true });
      },
    };

    async function checkOne(one: Case, name: string): Promise<void> {
      const { roots } = await context();
      if ((await findZone(roots, name)) !== undefined) {
        await one.check?.(name);
        if (one !== deepCase && !one.operation.startsWith('clone')) await expectRestorable(name);
      } else expect(one.operation).to.equal('import');
      if ((await findZone(roots, `${name}-new`)) !== undefined) await isNow(`${name}-new`);
      await remove(name);
      await remove(`${name}-new`);
    }

    async function checkAll(one: Case, names: readonly string[], steps: readonly string[]): Promise<void> {
      await recoverKilled(given.host);
      for (const [at, name] of names.entries()) {
        try {
          await checkOne(one, name);
        } catch (error) {
          throw new Error(`killed at boundary ${at} (${steps[at] ?? 'the end'}): ${String(error)}`);
        }
      }
    }

    async function killEverywhere(one: Case): Promise<string[]> {
      const { operation, isRunning = false, zone = {} } = one;
      const make = one.bring ?? ((name: string) => bring(name, isRunning));
      const orderOf = (name: string) => ({ operation, zone: { image: 'busybox', name, ...zone } });
      await make('v');
      const steps = await crasher.boundaries(given.host, orderOf('v'));
      const kills = steps
        .map((step, at) => ({ step, at, name: `v${at}` }))
        .filter(({ at, step }) => (one === deepCase ? step.startsWith('flatten') : concernsLayers(steps, at)));
      for (const { name } of kills) await make(name);
      for (let first = 0; first < kills.length; first += 3)
        await Promise.all(
          kills.slice(first, first + 3).map(({ name, at }) => crasher.killAt(given.host, { ...orderOf(name), at })),
        );
      await checkAll(one, ['v', ...kills.map(({ name }) => name)], ['the end', ...kills.map(({ step }) => step)]);
      await remove('deep');
      expect(await pruneSnapshots(await context())).to.deep.equal({ snapshots: [], layers: [] });
      await expectNothingLeftNow(empty, given.host.snapshotOptions);
      return steps;
    }

    afterEach('what a failure has left', async () => {
      for (const { name } of await (await given.host.open()).list()) if (name !== 'base') await remove(name);
    });

    for (const one of cases) {
      const state = one.says ?? stateOf(one);
      it(`${one.operation}${state}`, () => killEverywhere(one));
    }

    if (driver === 'loop')
      it('a snapshot by which many layers become one', async () => {
        expect(await killEverywhere(deepCase)).to.include('flatten: merged');
      });

    if (driver === 'btrfs')
      it('pool grow', async () => {
        const host = await context();
        const order = { operation: 'pool grow', zone: { name: 'none', image: 'busybox', pool: 'btrfs-b' } } as const;
        for (let at = 0; ; at += 1) {
          await createPool(host, poolOptions('btrfs-b'));
          const died = await crasher.killAt(given.host, { ...order, at });
          await openHostContext(given.host);
          const found = (await listPools(host)).find(({ name }) => name === 'btrfs-b');
          expect(found?.problem).to.equal(undefined);
          await growPool(host, 'btrfs-b', 3 * poolBytes);
          await given.host.ok(['run', '--rm', '--net', 'none', '--pool', 'btrfs-b', 'busybox', 'true']);
          await deletePool(host, 'btrfs-b');
          await expectNothingLeftNow(empty, given.host.snapshotOptions);
          if (!died) return;
        }
      });
  });
}
