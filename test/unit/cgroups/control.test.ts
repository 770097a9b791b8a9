import { expect } from 'chai';
import { freezeZone, killZone, thawZone } from '../../../src/cgroups/index.js';
import { layoutV1, layoutV2 } from './layouts.js';
import { makeTree, type Tree } from './tree.js';

describe('steering a zone', () => {
  let tree: Tree;
  beforeEach(() => {
    tree = makeTree();
  });
  afterEach(() => tree.remove());

  const v1 = () => ({ layout: layoutV1(tree.root), instance: 'i', zone: 'web' });
  const v2 = () => ({ layout: layoutV2(tree.root), instance: 'i', zone: 'web' });
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('no error'),
      (reason: unknown) => reason,
    );

  it('freezes by each version’s file', async () => {
    tree.put('freezer/tszone/i/web/freezer.state', 'THAWED');
    await freezeZone(v1());
    expect(tree.get('freezer/tszone/i/web/freezer.state')).to.equal('FROZEN\n');
    await thawZone(v1());
    expect(tree.get('freezer/tszone/i/web/freezer.state')).to.equal('THAWED\n');
    tree.put('tszone/i/web/cgroup.freeze', '0');
    tree.put('tszone/i/web/cgroup.events', 'frozen 1\n');
    await freezeZone(v2());
    expect(tree.get('tszone/i/web/cgroup.freeze')).to.equal('1\n');
  });

  it('does not leave half frozen what does not freeze in time', async () => {
    tree.put('tszone/i/web/cgroup.freeze', '0');
    tree.put('tszone/i/web/cgroup.events', 'frozen 0\n');
    expect(await failure(freezeZone(v2(), { timeoutMs: 20 }))).to.include({ code: 'WAIT_TIMEOUT', exitStatus: 8 });
    expect(tree.get('tszone/i/web/cgroup.freeze')).to.equal('0\n');
  });

  it('names the controller that freezing needs', async () => {
    const layout = layoutV1(tree.root, ['memory']);
    expect(await failure(freezeZone({ ...v1(), layout }))).to.include({ code: 'CGROUP_CONTROLLER_MISSING' });
  });

  it('ends a wait that is aborted', async () => {
    tree.put('tszone/i/web/cgroup.freeze', '0');
    const error = await failure(freezeZone(v2(), { signal: AbortSignal.timeout(10) }));
    expect(error).to.include({ name: 'AbortError' });
  });

  it('thaws and kills', async () => {
    tree.put('freezer/tszone/i/web/freezer.state', 'FROZEN\n');
    await killZone(v1());
    expect(tree.get('freezer/tszone/i/web/freezer.state')).to.equal('THAWED\n');
    tree.put('tszone/i/web/cgroup.kill', '');
    tree.put('tszone/i/web/cgroup.procs', '4194999\n');
    expect(await failure(killZone(v2(), { timeoutMs: 10 }))).to.include({ code: 'WAIT_TIMEOUT' });
    expect(tree.get('tszone/i/web/cgroup.kill')).to.equal('1\n');
  });

  it('has nothing to do for a zone without groups', async () => {
    await killZone(v1());
    await killZone(v2());
    await thawZone(v2());
  });
});
