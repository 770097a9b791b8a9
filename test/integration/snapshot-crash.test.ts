/** kill -9 at every boundary of what is done with snapshots and clones: nothing is lost, and after the next command nothing is left over. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isZoneFrozen } from '../../src/cgroups/index.js';
import type { Zone } from '../../src/index.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { deleteSnapshot } from '../../src/operations/snapshot-delete.js';
import { listSnapshots } from '../../src/operations/snapshot-list.js';
import { pruneSnapshots } from '../../src/operations/snapshot-prune.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { groupsOf } from '../../src/operations/zone-ref.js';
import { findSnapshot, readSnapshots, readZones } from '../../src/state/index.js';
import { type Crasher, makeCrasher, recoverKilled } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import type { KillOrder } from '../helpers/kill-at.js';
import { eventually, patience } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

describe('kill -9 of what is done with snapshots', function () {
  this.timeout(patience(300_000));
  let crasher: Crasher;
  let victim: Zone;
  const name = 'victim';
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    crasher = await makeCrasher();
    victim = await host.run({ name, image: 'busybox', net: 'none' });
    await sh(victim, 'echo old >/root/f');
    await victim.stop();
  });
  after(async () => crasher?.[Symbol.asyncDispose]());

  const context = async () => (await given.host.open()).context;

  /** With a snapshot in which the file says `old`, and with `new` in it now. */
  async function bring(isRunning: boolean): Promise<void> {
    const host = await context();
    await victim.stop({ force: true });
    if ((await findSnapshot(host.roots, name, 'old')) === undefined) {
      await victim.start();
      await sh(victim, 'echo old >/root/f');
      await victim.stop({ force: true });
      await createSnapshot(host, name, { name: 'old' });
    }
    await deleteSnapshot(host, { zone: name, snapshot: 'new' });
    await victim.start();
    await sh(victim, 'echo new >/root/f');
    if (!isRunning) await victim.stop({ force: true });
  }

  const content = async (zone: Zone) => {
    const wasRunning = (await zone.inspect()).status === 'running';
    if (!wasRunning) await zone.start();
    const text = await sh(zone, 'cat /root/f');
    if (!wasRunning) await zone.stop({ force: true });
    return text;
  };

  /** The next command has been given. Everything on disk belongs to a zone or a snapshot, and nothing that one of them needs is missing. */
  async function expectNoRemains(): Promise<void> {
    const { roots } = await context();
    const records = await readZones(roots);
    const snapshots = (await Promise.all(records.map(({ spec }) => readSnapshots(roots, spec.name)))).flat();
    const named = [
      ...records.flatMap(({ storage }) => storage?.layers ?? []),
      ...snapshots.flatMap(({ layers }) => layers),
    ];
    const wanted = [...new Set(named)].sort();
    const namesIn = async (place: string) => (await readdir(join(roots.root, place)).catch(() => [])).toSorted();
    // Of a throw-away zone it is the monitor's command that may be at it.
    await eventually('only layers with a name, and zones with a record, are left', async () => {
      expect(await namesIn('layers')).to.deep.equal(wanted);
      expect(await namesIn('journal')).to.deep.equal([]);
      expect(await namesIn('zones')).to.deep.equal(records.map(({ spec }) => spec.name));
      return true;
    });
    for (const layer of wanted) expect(existsSync(join(roots.root, 'layers', layer, 'tree')), layer).to.equal(true);
    const upper = await readdir(join(roots.root, 'zones', name, 'rootfs'));
    expect(upper.sort()).to.deep.equal(['upper', 'work']);
    const extras = snapshots.filter(({ hasLocal }) => hasLocal).map(({ id }) => `${id}.extras`);
    const files = await readdir(join(roots.root, 'zones', name, 'snapshots'));
    expect(files.sort()).to.deep.equal([...snapshots.map((one) => `${one.name}.json`), ...extras].sort());
    expect(await pruneSnapshots(await context())).to.deep.equal({ snapshots: [], layers: [] });
  }

  async function removeNew(): Promise<void> {
    const host = await given.host.open();
    if (!(await host.list()).some((zone) => zone.name === `${name}-new`)) return;
    const made = await host.zone(`${name}-new`);
    expect(await content(made)).to.equal('new');
    await made.delete({ force: true });
    await eventually('it is gone', async () => !existsSync(join(given.host.root, 'zones', `${name}-new`)));
  }

  type Case = readonly [KillOrder['operation'], boolean, (host: Awaited<ReturnType<typeof context>>) => Promise<void>];
  const keepsContent = async () => void expect(await content(victim)).to.equal('new');
  const cases: readonly Case[] = [
    [
      'snapshot create',
      false,
      async (host) => {
        await keepsContent();
        if ((await findSnapshot(host.roots, name, 'new')) === undefined) return;
        await restoreSnapshot(host, { zone: name, snapshot: 'new' });
        await keepsContent();
      },
    ],
    [
      'snapshot create',
      true,
      async (host) => {
        expect(isZoneFrozen(groupsOf(host, name))).to.equal(false);
        await keepsContent();
        if ((await findSnapshot(host.roots, name, 'new')) === undefined) return;
        await restoreSnapshot(host, { zone: name, snapshot: 'new' }, { force: true });
        await keepsContent();
      },
    ],
    [
      'snapshot restore',
      false,
      async (host) => {
        expect(await content(victim)).to.be.oneOf(['old', 'new']);
        expect((await listSnapshots(host, name)).map((one) => one.name)).to.deep.equal(['old']);
      },
    ],
    ['snapshot restore', true, async () => void expect(await content(victim)).to.be.oneOf(['old', 'new'])],
    ['snapshot delete', false, keepsContent],
    ['clone', false, keepsContent],
    ['clone', true, keepsContent],
    ['fork --rm', true, keepsContent],
  ];

  for (const [operation, isRunning, check] of cases) {
    it(`${operation} of a ${isRunning ? 'running' : 'stopped'} zone`, async () => {
      const order = { operation, zone: { name, image: 'busybox' } };
      await bring(isRunning);
      const steps = await crasher.boundaries(given.host, order);
      await removeNew();
      expect(steps.length).to.be.greaterThan(2);
      for (const [at, step] of steps.entries()) {
        await bring(isRunning);
        await crasher.killAt(given.host, { ...order, at });
        try {
          await recoverKilled(given.host);
          await check(await context());
          await removeNew();
          await expectNoRemains();
        } catch (error) {
          throw new Error(`killed at boundary ${at} of ${steps.length} (${step}): ${String(error)}`);
        }
      }
    });
  }

  it('loses no snapshot that was there before', async () => {
    await bring(false);
    await restoreSnapshot(await context(), { zone: name, snapshot: 'old' });
    expect(await content(victim)).to.equal('old');
    expect(await readFile(join(given.host.root, 'zones', name, 'zone.json'), 'utf8')).to.include('"storage"');
  });
});
