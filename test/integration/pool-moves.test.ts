/** Snapshots and clones, where a zone goes from one pool to another: what is said of the pool is true, bounds hold or are refused, and nothing gets stuck. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow, type Snapshot } from '../helpers/snapshot.js';
import { sh } from '../helpers/temp-host.js';

const pools = { overlay: 'default', loop: 'l', btrfs: 'b' } as const;

describe('from pool to pool', function () {
  this.timeout(patience(180_000));
  let before: Snapshot;
  const given = givenHost({ images: ['busybox'], needs: ['loop', 'btrfs'] }, async (host) => {
    await host.ok(['pool', 'create', 'l', '--driver', 'loop']);
    await host.ok(['pool', 'create', 'b', '--driver', 'btrfs', '--size', '512M']);
    // The directories that all zones share are there before.
    await mkdir(join(host.runRoot, 'snapshots'), { recursive: true, mode: 0o700 });
    for (const pool of Object.values(pools)) {
      await host.ok(['run', '-d', '--name', 'z', '--net', 'none', '--pool', pool, 'busybox']);
      await host.ok(['snapshot', 'create', 'z']);
      await host.ok(['delete', '--force', 'z']);
    }
    before = await host.snapshot();
  });
  const zoneOf = async (name: string): Promise<Zone> => (await given.host.open()).zone(name);
  const failed = async (...args: string[]) => {
    const { stderr } = await given.host.cli(['-o', 'json', ...args]);
    return JSON.parse(stderr.slice(stderr.indexOf('{'))).error as { code: string; hint: string };
  };
  const placeOf = async (zone: string) => {
    const { pool, spec } = await given.host.json<{ pool: string; spec: { pool?: string } }>(['inspect', zone]);
    expect(spec.pool ?? 'default', 'what its record says').to.equal(pool);
    return pool;
  };
  const journals = () => readdir(join(given.host.root, 'journal'));

  async function make(name: string, pool: string, ...more: string[]): Promise<Zone> {
    await given.host.ok(['create', name, '--image', 'busybox', '--net', 'none', '--pool', pool, ...more]);
    const zone = await zoneOf(name);
    await zone.start();
    await sh(zone, 'echo one >/root/x; ln /root/x /root/hard; chown 3:4 /root/x; rm /etc/group');
    return zone;
  }

  const look = async (zone: Zone) => {
    await zone.start();
    const said = await sh(zone, 'cat /root/x; stat -c "%u:%g %h" /root/x; ls /etc/group 2>/dev/null || true');
    await zone.stop({ force: true });
    return said;
  };
  const whole = 'one\n3:4 2';

  for (const from of Object.values(pools))
    for (const to of Object.values(pools).filter((pool) => pool !== from))
      it(`a clone of a zone in "${from}" is put into "${to}"`, async () => {
        const { host } = given;
        const zone = await make('a', from);
        await host.ok(['snapshot', 'create', 'a@s']);
        await host.ok(['clone', 'a', 'running', '--pool', to]);
        await zone.stop({ force: true });
        await host.ok(['clone', 'a', 'stopped', '--pool', to]);
        await host.ok(['clone', 'a@s', 'then', '--pool', to]);
        for (const name of ['running', 'stopped', 'then']) {
          expect(await placeOf(name), name).to.equal(to);
          expect(await look(await zoneOf(name)), name).to.equal(whole);
        }
        await host.ok(['delete', '--force', 'a']);
        expect(await look(await zoneOf('then'))).to.equal(whole);
        await host.ok(['fork', 'then', 'back', '--pool', from]);
        expect(await placeOf('back')).to.equal(from);
        await host.ok(['delete', '--force', 'running', 'stopped', 'then', 'back']);
        await expectNothingLeftNow(before, host.snapshotOptions);
      });

  it('a clone is bound in the pool that it goes to; where it cannot be, there is none', async () => {
    const { host } = given;
    const zone = await make('a', 'l', '--disk', '64M');
    await zone.stop({ force: true });
    const unbound = await failed('clone', 'a', 'c', '--pool', 'default');
    expect(unbound.code).to.equal('POOL_CANNOT');
    expect((await failed('clone', 'a', 'c', '--pool', 'nope')).code).to.equal('POOL_NOT_FOUND');
    expect(await failed('fork', '--rm', 'a', '--pool', 'b')).to.include({
      code: 'USAGE_BAD_ARGUMENT',
      hint: 'Leave out --pool, or --rm.',
    });
    expect((await (await host.open()).list()).map(({ name }) => name)).to.deep.equal(['a']);
    await host.ok(['clone', 'a', 'c', '--pool', 'b']);
    await host.ok(['clone', 'a', 'd', '--pool', 'default', '--disk', 'unlimited']);
    const { disk } = await host.json<{ disk: number }>(['inspect', 'c']);
    expect(disk).to.equal(64 << 20);
    const clone = await zoneOf('c');
    await clone.start();
    const { exitCode } = await clone.exec(['dd', 'if=/dev/zero', 'of=/root/all', 'bs=1M', 'count=100']);
    expect(exitCode).to.not.equal(0);
    await host.ok(['delete', '--force', 'a', 'c', 'd']);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('a snapshot of before the move brings back all but the pool', async () => {
    const { host } = given;
    const zone = await make('a', 'l');
    await zone.stop({ force: true });
    await host.ok(['snapshot', 'create', 'a@s']);
    for (const to of ['b', 'default', 'l'] as const) {
      await host.ok(['set', 'a', '--pool', to]);
      await host.ok(['snapshot', 'restore', 'a@s']);
      expect(await placeOf('a')).to.equal(to);
      await host.ok(['clone', 'a@s', 'c']);
      expect(await placeOf('c')).to.equal(to);
      await host.ok(['delete', 'c']);
    }
    expect(await look(zone)).to.equal(whole);
    await host.ok(['delete', '--force', 'a']);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  it('a snapshot with a bound that the pool cannot hold is not restored, and the zone stays what it is', async () => {
    const { host } = given;
    const zone = await make('a', 'l', '--disk', '64M');
    await zone.stop({ force: true });
    await host.ok(['snapshot', 'create', 'a@s']);
    await host.ok(['set', 'a', '--pool', 'default', '--disk', 'unlimited']);
    const error = await failed('snapshot', 'restore', 'a@s');
    expect(error.code).to.equal('POOL_CANNOT');
    expect(error.hint).to.match(/^Run "tszone set a --pool (b|l)" first\.$/);
    expect(await journals()).to.deep.equal([]);
    expect(await look(zone)).to.equal(whole);
    await host.ok(['set', 'a', '--pool', 'l']);
    await host.ok(['snapshot', 'restore', 'a@s']);
    expect((await zone.status()).written?.bytesLimit).to.be.within(48 << 20, 64 << 20);
    await host.ok(['delete', '--force', 'a']);
    await expectNothingLeftNow(before, host.snapshotOptions);
  });

  for (const pool of ['l', 'b'] as const)
    it(`a snapshot of when the zone in "${pool}" had another bound brings that back, larger or smaller`, async () => {
      const { host } = given;
      const zone = await make('a', pool, '--disk', '64M');
      await zone.stop({ force: true });
      await host.ok(['snapshot', 'create', 'a@small']);
      await host.ok(['unset', 'a', 'disk']);
      await host.ok(['snapshot', 'create', 'a@large']);
      for (const name of ['small', 'large', 'small']) {
        await host.ok(['snapshot', 'restore', `a@${name}`]);
        expect(await journals()).to.deep.equal([]);
        const { bytesLimit = Number.POSITIVE_INFINITY } = (await zone.status()).written ?? {};
        if (name === 'small') expect(bytesLimit).to.be.within(48 << 20, 64 << 20);
        else expect(bytesLimit).to.be.greaterThan(256 << 20);
        expect(await look(zone)).to.equal(whole);
      }
      await host.ok(['delete', '--force', 'a']);
      await expectNothingLeftNow(before, host.snapshotOptions);
    });
});
