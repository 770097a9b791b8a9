/** kill -9 of rename while another process has the data open: the new name is taken from the first step on. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { listZones } from '../../src/operations/list-zones.js';
import { type Crasher, makeCrasher } from '../helpers/crash.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';

describe('kill -9 of rename, seen by a process that was there before', function () {
  this.timeout(patience(180_000));
  let crasher: Crasher;
  const given = givenHost({ images: ['busybox'] }, async () => {
    crasher = await makeCrasher();
  });
  after(async () => crasher?.[Symbol.asyncDispose]());

  const killRename = (at: number) =>
    crasher.killAt(given.host, { operation: 'rename', zone: { name: 'old', image: 'busybox' }, at });

  /** As the next command sees it. */
  const listAnew = async () => listZones(await openHostContext(given.host));

  it('never gives the new name to another zone', async () => {
    const host = await given.host.open();
    const before = await given.host.snapshot();
    for (let at = 0; ; at += 1) {
      const made = await host.create({ name: 'old', image: 'busybox' });
      const { ids, addresses } = await made.inspect();
      const died = await killRename(at);
      const other = await host.create({ name: 'old-new', image: 'busybox' }).catch((error: unknown) => error);
      expect(hasCode(other, 'ZONE_EXISTS'), `at ${at}: ${String(other)}`).to.equal(true);
      expect(
        (await host.list()).map(({ name }) => name),
        `at ${at}`,
      ).to.deep.equal(['old-new']);
      const list = await listAnew();
      expect(
        list.map(({ name }) => name),
        `at ${at}`,
      ).to.deep.equal(['old-new']);
      const zone = await host.zone('old-new');
      expect([(await zone.inspect()).ids, list[0]?.addresses], `at ${at}`).to.deep.equal([ids, addresses]);
      await zone.delete();
      await expectNothingLeftNow(before, given.host.snapshotOptions);
      if (!died) return;
    }
  });

  it('gives the old name to another only when the rename is complete', async () => {
    const host = await given.host.open();
    const before = await given.host.snapshot();
    for (let at = 0; ; at += 1) {
      const { ids } = await (await host.create({ name: 'old', image: 'busybox' })).inspect();
      const died = await killRename(at);
      const other = await host.create({ name: 'old', image: 'busybox' }).catch((error: unknown) => error);
      const stillOld = hasCode(other, 'ZONE_EXISTS');
      const list = await listAnew();
      const names = stillOld ? ['old-new'] : ['old', 'old-new'];
      expect(
        list.map(({ name }) => name),
        `at ${at}: ${String(other)}`,
      ).to.deep.equal(names);
      const renamed = await host.zone('old-new');
      expect((await renamed.inspect()).ids, `at ${at}`).to.deep.equal(ids);
      if (!stillOld) expect((await (await host.zone('old')).inspect()).ids, `at ${at}`).to.not.deep.equal(ids);
      expect(await readdir(join(given.host.root, 'journal')), `at ${at}`).to.deep.equal([]);
      for (const name of names) await (await host.zone(name)).delete();
      await expectNothingLeftNow(before, given.host.snapshotOptions);
      if (!died) return;
    }
  });
});
