/** kill -9 of what is done with pools, and with zones in them: after the next command all is whole, and nothing is left. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createPool } from '../../src/operations/pool-create.js';
import { deletePool } from '../../src/operations/pool-delete.js';
import { setZone } from '../../src/operations/set-zone.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { type KillOrder, poolOptions } from '../helpers/kill-at.js';
import { eventually, patience } from '../helpers/patience.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

type ZoneState = 'gone' | 'stopped' | 'running';

const zoneCases: readonly (readonly [KillOrder['operation'], ZoneState, readonly ZoneState[]])[] = [
  ['create', 'gone', ['gone', 'stopped']],
  ['start', 'stopped', ['stopped', 'running']],
  ['stop', 'running', ['running', 'stopped']],
  ['delete', 'stopped', ['stopped', 'gone']],
  // Whether or not its command has begun: it ends by itself.
  ['run --rm', 'gone', ['gone']],
];

/** The others are those of a zone of the default pool: crash-safety.test.ts. */
function concernsStorage(steps: readonly string[], at: number): boolean {
  const isEnd = at === 0 || at === steps.length - 1;
  return isEnd || steps.slice(at - 1, at + 2).some((step) => /storage\.|journal/.test(step));
}

for (const pool of ['loop-a', 'btrfs-a'] as const) {
  const driver = pool.startsWith('loop') ? 'loop' : 'btrfs';
  describe(`kill -9 at every step boundary, in a ${driver} pool`, function () {
    this.timeout(patience(300_000));
    let crasher: Crasher;
    let empty: Snapshot;
    const name = 'victim';
    const spec = { name, image: 'busybox', net: 'none', disk: '64M', pool };
    const given = givenHost({ images: ['busybox'], needs: [driver] }, async (host) => {
      crasher = await makeCrasher();
      await createPool((await host.open()).context, poolOptions(pool));
      // The files that throw-away zones share are there before.
      await host.ok(['run', '--rm', '--net', 'none', '--pool', pool, 'busybox', 'true']);
      await bring(host, 'running');
      await bring(host, 'gone');
      empty = await host.snapshot();
    });
    after(async () => crasher?.[Symbol.asyncDispose]());

    async function bring(host: TempHost, state: ZoneState): Promise<void> {
      const tszone = await host.open();
      const found = (await tszone.list()).find((zone) => zone.name === name)?.status ?? 'gone';
      if (found === state) return;
      if (found === 'gone') await tszone.create(spec);
      const zone = await tszone.zone(name);
      if (state === 'gone') await zone.delete({ force: true });
      if (state === 'stopped') await zone.stop({ force: true });
      if (state === 'running') await zone.start();
    }

    async function stateOf(host: TempHost): Promise<ZoneState> {
      const list = await host.json<{ name: string; status: ZoneState }[]>(['list']);
      return list.find((zone) => zone.name === name)?.status ?? 'gone';
    }

    /** A loop volume is mounted exactly while its zone runs. */
    async function expectWhole(host: TempHost, state: ZoneState): Promise<void> {
      const volumes = existsSync(join(host.runRoot, 'volumes')) ? readdirSync(join(host.runRoot, 'volumes')) : [];
      expect(volumes).to.have.length(driver === 'loop' && state === 'running' ? 1 : 0);
      if (state !== 'running') return;
      expect(await sh(await (await host.open()).zone(name), 'echo yes > /root/file; cat /root/file')).to.equal('yes');
    }

    for (const [operation, before, allowed] of zoneCases) {
      it(`of ${operation} when it is ${before}`, async () => {
        const { host } = given;
        await bring(host, before);
        const steps = await crasher.boundaries(host, { operation, zone: spec });
        expect(steps.some((step) => step.includes('storage.'))).to.equal(true);
        for (const [at, step] of steps.entries()) {
          if (!concernsStorage(steps, at)) continue;
          await bring(host, before);
          expect(await crasher.killAt(host, { operation, zone: spec, at })).to.equal(true);
          // What its helper is still about, the next command finishes.
          await eventually(`whole, and ${allowed.join(' or ')}, after ${at} (${step})`, async () => {
            const state = await stateOf(host);
            if (!allowed.includes(state)) return false;
            await expectWhole(host, state);
            return true;
          });
          try {
            await bring(host, 'gone');
            await expectNothingLeftNow(empty, host.snapshotOptions);
          } catch (error) {
            throw new Error(`killed at boundary ${at} of ${steps.length} (${step}): ${String(error)}`);
          }
        }
      });
    }

    it('of a move to another pool: the zone is in one of both, with its files', async () => {
      const { host } = given;
      const { context } = await host.open();
      await bring(host, 'running');
      await sh(await (await host.open()).zone(name), 'echo kept > /root/file; ln /root/file /root/link');
      await bring(host, 'stopped');
      await setZone(context, name, { disk: 'unlimited' });
      const zone = { name, image: 'busybox', pool: 'default' };
      for (let at = 0; ; at += 1) {
        const died = await crasher.killAt(host, { operation: 'set pool', zone, at });
        const [found] = await host.json<{ pool: string }[]>(['list']);
        expect([pool, 'default'], `at ${at}`).to.include(found?.pool);
        expect(existsSync(join(host.root, 'zones', name, 'rootfs')), `at ${at}`).to.equal(found?.pool === 'default');
        await bring(host, 'running');
        expect(await sh(await (await host.open()).zone(name), 'cat /root/link'), `at ${at}`).to.equal('kept');
        await bring(host, 'stopped');
        await setZone(context, name, { pool });
        if (!died) break;
      }
      await bring(host, 'gone');
      await expectNothingLeftNow(empty, host.snapshotOptions);
    });

    for (const operation of ['pool create', 'pool delete'] as const) {
      it(`of ${operation}: the pool is there, or nothing is`, async () => {
        const { host } = given;
        const { context } = await host.open();
        const other = `${driver}-b`;
        for (let at = 0; ; at += 1) {
          if (operation === 'pool delete') await createPool(context, poolOptions(other));
          const died = await crasher.killAt(host, { operation, zone: { name, image: 'busybox', pool: other }, at });
          await expectPoolWhole(host, other);
          await deletePool(context, other);
          await expectNothingLeftNow(empty, host.snapshotOptions);
          if (!died) return;
        }
      });
    }

    /** If it is there. */
    async function expectPoolWhole(host: TempHost, other: string): Promise<void> {
      const pools = await host.json<{ name: string; problem?: string }[]>(['pool', 'list']);
      const found = pools.find((one) => one.name === other);
      if (found === undefined) return;
      expect(found.problem).to.equal(undefined);
      await host.ok(['run', '--rm', '--net', 'none', '--pool', other, 'busybox', 'true']);
    }
  });
}
