/** --dry-run of clone, fork and publish: nothing is changed, and what is listed is what is done. */
import { expect } from 'chai';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { forkZone } from '../../src/operations/fork-zone.js';
import { publishZone } from '../../src/operations/publish-zone.js';
import { listLayers } from '../../src/storage/index.js';
import { appliedBy, dryRun, hostOpsOf, opsOf, type Plan, sameRefusal, textOf, unchanged } from '../helpers/dry-run.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { takePort } from '../helpers/ports.js';
import { sh } from '../helpers/temp-host.js';

/** Of a clone: what is done between the ops that a transaction applies. */
const between = ['storage.freeze', 'storage.local', 'state.zone-write', 'state.network-add'];

describe('--dry-run of clones', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ ownImages: true, needs: ['busybox'] }, async (host) => {
    await host.ok(['image', 'build', 'busybox']);
    const port = await takePort();
    await host.run({
      name: 'web',
      image: 'busybox',
      memory: '64M',
      port: [`${port}:80`],
      command: ['sleep', '100000'],
    });
    await host.ok(['create', 'quiet', '--image', 'busybox', '--net', 'none']);
  });
  const context = async () => (await given.host.open()).context;
  const zone = async (name: string) => (await given.host.open()).zone(name);
  const addressOf = async (name: string) => {
    const [one] = (await given.host.json<{ name: string; addresses: string[] }[]>(['list'])).filter(
      (row) => row.name === name,
    );
    return one?.addresses[0];
  };
  const listed = (text: string) => /lease addresses for zone \S+: eth0 (\S+)/.exec(text)?.[1];

  it('clone of a running zone: its layer, its address, its record', async () => {
    await sh(await zone('web'), 'echo x >/root/x');
    const plan = await dryRun(given.host, ['clone', 'web', 'copy', '--memory', '32M']);
    expect([plan.operation, plan.name]).to.deep.equal(['clone', 'copy']);
    expect(opsOf(plan)).to.include.members(['storage.freeze', 'storage.create', 'clone.identity']);
    expect(textOf(plan)).to.include('which stands still');
    const applied = await appliedBy(async () => {
      const cloned = await cloneZone(await context(), { source: 'web', name: 'copy', change: { memory: '32M' } });
      expect(cloned.notes).to.deep.equal(plan.notes);
    });
    // What lets a zone go on after a kill is first, and changes nothing.
    expect(applied.filter((op) => op !== 'cgroup.write')).to.deep.equal(hostOpsOf(plan, between));
    expect(await addressOf('copy')).to.equal(listed(textOf(plan)));
    await given.host.ok(['delete', 'copy']);
  });

  it('clone of a stopped zone: what it has written becomes a layer of both', async () => {
    await given.host.ok(['cp', await given.host.file('note', 'text'), 'quiet:/root/']);
    const plan = await dryRun(given.host, ['clone', 'quiet', 'copy']);
    const quiet = await zone('quiet');
    const typed = await unchanged(given.host, [], () => quiet.clone('copy', { dryRun: true }));
    expect([typed.operation, opsOf(typed)]).to.deep.equal(['clone', opsOf(plan)]);
    const applied = await appliedBy(async () => cloneZone(await context(), { source: 'quiet', name: 'copy' }));
    expect(opsOf(plan).slice(0, 2)).to.deep.equal(['storage.freeze', 'state.zone-storage']);
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.zone-write']));
    // Nothing has been written since, so that nothing is frozen.
    expect(opsOf(await dryRun(given.host, ['clone', 'quiet', 'other']))[0]).to.equal('state.mkdir');
    await given.host.ok(['delete', 'copy']);
  });

  it('clone of a snapshot has all that was there then, and freezes nothing', async () => {
    await given.host.ok(['snapshot', 'create', 'quiet@then']);
    const plan = await dryRun(given.host, ['clone', 'quiet@then', 'copy']);
    const applied = await appliedBy(async () =>
      cloneZone(await context(), { source: 'quiet', snapshot: 'then', name: 'copy' }),
    );
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.zone-write']));
    await given.host.ok(['delete', 'copy']);
  });

  it('fork shows the start as well', async () => {
    const plan = await dryRun(given.host, ['fork', 'quiet', 'trial']);
    expect([...new Set(plan.steps.map(({ phase }) => phase))]).to.deep.equal(['prepare', 'enter']);
    const applied = await appliedBy(async () => forkZone(await context(), { source: 'quiet', name: 'trial' }));
    expect(applied.toSorted()).to.deep.equal(hostOpsOf(plan, ['state.zone-write']).toSorted());
    expect((await dryRun(given.host, ['fork', 'quiet'])).name).to.match(/^\w+/);
    expect((await dryRun(given.host, ['clone', '--start', 'quiet', 'more'])).operation).to.equal('fork');
    await given.host.ok(['delete', '-f', 'trial']);
  });

  it('what a clone or a fork refuses, the dry run refuses in the same words', async () => {
    const { host } = given;
    const refused = (...args: string[]) => sameRefusal(host, args);
    expect(await refused('clone', 'quiet', 'web')).to.equal('ZONE_EXISTS');
    expect(await refused('clone', 'nobody', 'copy')).to.equal('ZONE_NOT_FOUND');
    expect(await refused('clone', 'quiet@never', 'copy')).to.equal('SNAPSHOT_NOT_FOUND');
    expect(await refused('clone', 'quiet', 'Not a name')).to.equal('SPEC_INVALID');
    expect(await refused('clone', 'quiet', 'copy', '--pool', 'nowhere')).to.equal('POOL_NOT_FOUND');
    expect(await refused('clone', 'quiet', 'copy', '--net', 'bridge=nowhere')).to.equal('NETWORK_NOT_FOUND');
    expect(await refused('clone', 'quiet', 'copy', '--mount', '/no/such:/mnt')).to.equal('PATH_NOT_FOUND');
    expect(await refused('clone', 'web', 'copy', '--keep-identity', '--cpuset', '4000')).to.equal('SPEC_INVALID');
    expect(await refused('fork', 'quiet', 'web')).to.equal('ZONE_EXISTS');
    const taken = (await addressOf('web')) ?? '';
    expect(await refused('clone', 'quiet', 'copy', '--net', `bridge=default,ip=${taken}/16`)).to.equal(
      'NETWORK_ADDRESS_IN_USE',
    );
  });

  it('publish: the layer, and the image in place of another', async () => {
    const layersLeft = async () => listLayers((await context()).roots);
    const removed = (plan: Plan) => plan.steps.flatMap(({ text }) => /^remove layer (.*)/.exec(text)?.[1] ?? []);
    const plan = await dryRun(given.host, ['publish', 'web', 'shop:1']);
    expect(opsOf(plan).slice(0, 2)).to.deep.equal(['layer.unpack', 'image.list']);
    const made = await publishZone(await context(), { zone: 'web', image: 'shop:1' });
    expect(textOf(plan)).to.include(`on top of ${made.layers.length - 1} of image busybox`);
    expect(textOf(plan)).to.include(`list image ${made.name}`);
    for (const digest of removed(plan)) expect(await layersLeft()).to.not.include(digest);
    // Replaced, its layer is nobody's.
    await sh(await zone('web'), 'echo more >/root/more');
    const again = await dryRun(given.host, ['publish', '--force', 'web', 'shop:1']);
    expect(removed(again)).to.deep.equal([made.layers[0]]);
    expect(await layersLeft()).to.include(made.layers[0]);
    await publishZone(await context(), { zone: 'web', image: 'shop:1', force: true });
    expect(await layersLeft()).to.not.include(made.layers[0]);
    expect((await (await zone('web')).publish('shop:2', { dryRun: true })).steps.length).to.equal(2);
    expect(await sameRefusal(given.host, ['publish', 'web', 'shop:1'])).to.equal('IMAGE_EXISTS');
    expect(await sameRefusal(given.host, ['publish', 'nobody', 'shop:2'])).to.equal('ZONE_NOT_FOUND');
    expect(await sameRefusal(given.host, ['publish', 'web@never', 'shop:2'])).to.equal('SNAPSHOT_NOT_FOUND');
    const one = await dryRun(given.host, ['publish', 'quiet@then', 'quiet:1']);
    const flat = await publishZone(await context(), { zone: 'quiet@then', image: 'quiet:1' });
    expect(textOf(one)).to.include('all that zone quiet@then is made of');
    expect(flat.layers.length).to.equal(1);
  });
});

describe('--dry-run of clones in pools', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'], needs: ['loop'] }, async (host) => {
    await host.ok(['pool', 'create', 'bounded', '--driver', 'loop']);
    await host.ok(['create', 'quiet', '--image', 'busybox', '--net', 'none']);
    await host.ok(['cp', await host.file('note', 'text'), 'quiet:/root/']);
  });
  const context = async () => (await given.host.open()).context;

  it('clone to another pool is made, then moved', async () => {
    const plan = await dryRun(given.host, ['clone', 'quiet', 'far', '--pool', 'bounded', '--disk', '64M']);
    const applied = await appliedBy(async () =>
      cloneZone(await context(), { source: 'quiet', name: 'far', change: { pool: 'bounded', disk: '64M' } }),
    );
    expect(opsOf(plan)).to.include.members(['storage.layer-copy', 'storage.copy', 'state.zone-save']);
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.zone-write']));
    const refused = await sameRefusal(given.host, ['clone', 'quiet', 'near', '--disk', '64M', '--pool', 'default']);
    expect(refused).to.equal('POOL_CANNOT');
  });

  it('clone there is another machine only when it is first mounted, and a fork at once', async () => {
    const plan = await dryRun(given.host, ['clone', 'far', 'further']);
    expect(opsOf(plan)).to.not.include('clone.identity');
    const applied = await appliedBy(async () => cloneZone(await context(), { source: 'far', name: 'further' }));
    expect(applied).to.deep.equal(hostOpsOf(plan, ['state.zone-write']));
    // It is due before the clone can be cloned.
    const second = await dryRun(given.host, ['clone', 'further', 'furthest']);
    expect(opsOf(second).slice(0, 2)).to.deep.equal(['storage.open', 'clone.identity']);
    const done = await appliedBy(async () => cloneZone(await context(), { source: 'further', name: 'furthest' }));
    expect(done).to.deep.equal(hostOpsOf(second, ['state.zone-write']));
    await given.host.ok(['delete', 'further', 'furthest']);
  });
});

describe('--dry-run of clones on btrfs', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'], needs: ['btrfs'] }, async (host) => {
    await host.ok(['pool', 'create', 'fast', '--driver', 'btrfs', '--size', '256M']);
    await host.run({ name: 'web', image: 'busybox', net: 'none', pool: 'fast', command: ['sleep', '100000'] });
  });

  it('clone of a running and of a stopped zone', async () => {
    const { context } = await given.host.open();
    for (const name of ['first', 'second']) {
      const plan = await dryRun(given.host, ['clone', 'web', name]);
      const applied = await appliedBy(() => cloneZone(context, { source: 'web', name }));
      expect(applied.filter((op) => op !== 'cgroup.write')).to.deep.equal(hostOpsOf(plan, between));
      await given.host.ok(['stop', 'web']);
    }
  });
});
