/** No byte is free: snapshots and clones fail by name, lose nothing, leave nothing; what gives space back works. */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isZoneFrozen } from '../../src/cgroups/index.js';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { deleteSnapshot } from '../../src/operations/snapshot-delete.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { groupsOf } from '../../src/operations/zone-ref.js';
import { readSnapshots, readZones } from '../../src/state/index.js';
import { runProgram } from '../helpers/cli.js';
import { noteHost } from '../helpers/leaks.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { fillDisk, mountSmallDisk, type SmallDisk } from '../helpers/small-disk.js';
import { sh, TempHost, tempHost } from '../helpers/temp-host.js';

describe('snapshots on a full disk', function () {
  this.timeout(patience(120_000));
  let parent: TempHost | undefined;
  let directory: string;
  let host: TempHost;
  let disk: SmallDisk | undefined;
  before(async function make(this: Mocha.Context) {
    requires('root', 'overlay').call(this);
    parent = await tempHost();
    directory = join(parent.directory, 'small');
    await mkdir(directory, { mode: 0o700 });
    disk = await mountSmallDisk(directory, 48);
    host = new TempHost(directory);
    noteHost({ instance: await host.prepare(), directory });
  });
  after(async () => {
    if (host !== undefined) {
      await empty();
      await host.deleteZones();
    }
    await disk?.unmount();
    await parent?.[Symbol.asyncDispose]();
  });

  const context = async () => (await host.open()).context;

  const filler = () => join(directory, 'filler');
  const empty = () => rm(filler(), { recursive: true, force: true });

  async function expectNoRemains(): Promise<void> {
    const { roots } = await context();
    const records = await readZones(roots);
    const named = records.flatMap(({ storage }) => storage?.layers ?? []);
    for (const { spec } of records) for (const one of await readSnapshots(roots, spec.name)) named.push(...one.layers);
    expect((await readdir(join(roots.root, 'layers')).catch(() => [])).sort()).to.deep.equal(
      [...new Set(named)].sort(),
    );
    expect(await readdir(join(roots.root, 'journal'))).to.deep.equal([]);
    expect((await readdir(join(roots.root, 'zones'))).sort()).to.deep.equal(
      records.map(({ spec }) => spec.name).sort(),
    );
  }

  /** It works, or says that the disk is full; then the next command on the zone, with some space again, leaves all in order. */
  async function tryWithFullDisk(work: () => Promise<unknown>): Promise<boolean> {
    fillDisk(filler());
    const error = await work().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (error !== undefined) expect(error, String(error)).to.have.property('code', 'RESOURCE_DISK_FULL');
    await empty();
    const { status, stderr } = await runProgram(process.execPath, ['bin/tszone.js', 'list'], { env: host.env });
    expect(status, stderr).to.equal(0);
    await expectNoRemains();
    return error === undefined;
  }

  it('of a running zone are not made, and it runs on', async () => {
    const zone = await host.run({ name: 'big', image: 'sparse', net: 'none' });
    await sh(zone, 'head -c 12000000 /dev/urandom >/root/data; echo kept >/root/f; echo local >/usr/local/f');
    for (const work of [
      async () => createSnapshot(await context(), 'big', { name: 'no' }),
      async () => cloneZone(await context(), { source: 'big', name: 'no' }),
    ]) {
      expect(await tryWithFullDisk(work)).to.equal(false);
      expect(isZoneFrozen(groupsOf(await context(), 'big'))).to.equal(false);
      expect(await sh(zone, 'cat /root/f; stat -c %s /root/data')).to.equal('kept\n12000000');
    }
    await createSnapshot(await context(), 'big', { name: 'yes' });
    expect(
      await tryWithFullDisk(async () => deleteSnapshot(await context(), { zone: 'big', snapshot: 'yes' })),
    ).to.equal(true);
    await zone.delete({ force: true });
  });

  it('of a stopped zone lose nothing: made or not, restored or not, deleted for sure', async () => {
    const zone = await host.run({ name: 'small', image: 'sparse', net: 'none' });
    await sh(zone, 'echo old >/root/f');
    await zone.stop();
    const content = async () => {
      await zone.start();
      const text = await sh(zone, 'cat /root/f');
      await zone.stop({ force: true });
      return text;
    };
    if (!(await tryWithFullDisk(async () => createSnapshot(await context(), 'small', { name: 's' }))))
      await createSnapshot(await context(), 'small', { name: 's' });
    expect(await content()).to.equal('old');
    await zone.start();
    await sh(zone, 'echo new >/root/f');
    await zone.stop();
    const restored = await tryWithFullDisk(async () =>
      restoreSnapshot(await context(), { zone: 'small', snapshot: 's' }),
    );
    expect(await content()).to.be.oneOf(restored ? ['old'] : ['old', 'new']);
    if (await tryWithFullDisk(async () => cloneZone(await context(), { source: 'small', snapshot: 's', name: 'copy' })))
      await (await (await host.open()).zone('copy')).delete();
    await restoreSnapshot(await context(), { zone: 'small', snapshot: 's' });
    expect(await content()).to.equal('old');
    expect(
      await tryWithFullDisk(async () => deleteSnapshot(await context(), { zone: 'small', snapshot: 's' })),
    ).to.equal(true);
    expect(await content()).to.equal('old');
  });
});
