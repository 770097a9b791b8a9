import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { expect } from 'chai';
import { type CgroupOp, cgroupHandlers, planZoneCgroups, removeSharedGroups } from '../../../src/cgroups/index.js';
import { layoutV1, layoutV2 } from './layouts.js';
import { makeTree, type Tree } from './tree.js';

describe('cgroupHandlers', () => {
  let tree: Tree;
  beforeEach(() => {
    tree = makeTree();
  });
  afterEach(() => tree.remove());

  const create = (path: string, more: Partial<Extract<CgroupOp, { op: 'cgroup.create' }>> = {}): CgroupOp => ({
    op: 'cgroup.create',
    path: `${tree.root}/${path}`,
    parents: [`${tree.root}/tszone`, `${tree.root}/tszone/i`],
    fill: [],
    ...more,
  });
  const write = (path: string, value: string): CgroupOp => {
    return { op: 'cgroup.write', path: `${tree.root}/${path}`, value, purpose: 'pids limit', controller: 'pids' };
  };
  const failure = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.fail('no error'),
      (reason: unknown) => reason,
    );

  it('makes and removes groups, and their parents with the last', async () => {
    await cgroupHandlers.apply(create('tszone/i/a'));
    await cgroupHandlers.apply(create('tszone/i/b'));
    mkdirSync(`${tree.root}/tszone/i/a/exec-1/deep`, { recursive: true });
    await cgroupHandlers.undo(create('tszone/i/a'));
    expect(existsSync(`${tree.root}/tszone/i/a`)).to.equal(false);
    expect(existsSync(`${tree.root}/tszone/i/b`)).to.equal(true);
    await cgroupHandlers.undo(create('tszone/i/b'));
    expect(existsSync(`${tree.root}/tszone`)).to.equal(false);
  });

  it('undoes what was never done, and twice', async () => {
    await cgroupHandlers.undo(create('tszone/i/a'));
    await cgroupHandlers.apply(create('tszone/i/a'));
    await cgroupHandlers.undo(create('tszone/i/a'));
    await cgroupHandlers.undo(create('tszone/i/a'));
    await cgroupHandlers.undo({ ...write('tszone/i/a/pids.max', '5'), previous: 'max' } as CgroupOp);
  });

  it('undoes every op of a plan that was never applied, on either version', async () => {
    const limits = { memoryBytes: 1, swapBytes: 1, cpus: 1, pids: 1, cpuset: '0' };
    for (const layout of [layoutV1(`${tree.root}/x`), layoutV2(`${tree.root}/y`)]) {
      const { prepare } = planZoneCgroups({ layout, instance: 'i', zone: 'web', limits });
      for (const op of [...prepare].reverse()) await cgroupHandlers.undo(op);
    }
  });

  it('leaves shared groups', async () => {
    const share: CgroupOp = {
      op: 'cgroup.share',
      path: `${tree.root}/tszone/monitors`,
      parents: [`${tree.root}/tszone`],
      fill: [],
    };
    await cgroupHandlers.apply(share);
    await cgroupHandlers.apply(share);
    await cgroupHandlers.undo(share);
    removeSharedGroups(layoutV2(tree.root), 'i');
    expect(existsSync(share.path)).to.equal(true);
  });

  it('copies cpus and memory nodes down, and only where they are empty', async () => {
    tree.put('cpuset.cpus', '0-3\n');
    for (const group of ['tszone', 'tszone/i']) tree.put(`${group}/cgroup.clone_children`, '0\n');
    tree.put('tszone/cpuset.cpus', '\n');
    tree.put('tszone/i/cpuset.cpus', '1\n');
    await cgroupHandlers.apply(create('tszone/i/a', { fill: ['cpuset.cpus'] }));
    expect(tree.get('tszone/cpuset.cpus')).to.equal('0-3\n');
    expect(tree.get('tszone/i/cpuset.cpus')).to.equal('1\n');
    // What is made below them next has them from the start.
    for (const group of ['tszone', 'tszone/i']) expect(tree.get(`${group}/cgroup.clone_children`)).to.equal('1\n');
  });

  it('hands controllers down, topmost first, and only those that are not', async () => {
    for (const group of ['', 'tszone/', 'tszone/i/']) {
      tree.put(`${group}cgroup.controllers`, 'cpu memory pids\n');
      tree.put(`${group}cgroup.subtree_control`, 'pids\n');
    }
    const enable = { required: ['memory' as const], wanted: ['pids' as const], above: tree.root };
    await cgroupHandlers.apply(create('tszone/i/a', { enable }));
    for (const group of ['', 'tszone/', 'tszone/i/'])
      expect(tree.get(`${group}cgroup.subtree_control`)).to.equal('+memory\n');
  });

  it('names a controller that is needed and not handed down, with the command', async () => {
    tree.put('cgroup.controllers', 'cpu\n');
    tree.put('cgroup.subtree_control', '\n');
    const enable = { required: ['memory' as const], wanted: ['pids' as const], above: tree.root };
    const error = await failure(cgroupHandlers.apply(create('tszone/i/a', { enable })));
    expect(error).to.include({ code: 'CGROUP_CONTROLLER_MISSING' });
    expect(error).to.have.property('hint').that.includes('+memory');
    expect(existsSync(`${tree.root}/tszone/i/a`)).to.equal(false);
    await cgroupHandlers.apply(create('tszone/i/a', { enable: { ...enable, required: [] } }));
  });

  it('refuses a group in which processes are left, and replaces an empty one', async () => {
    tree.put('tszone/i/a/cgroup.procs', '17\n');
    expect(await failure(cgroupHandlers.apply(create('tszone/i/a')))).to.include({ code: 'KERNEL_STEP_FAILED' });
    rmSync(`${tree.root}/tszone/i/a/cgroup.procs`);
    mkdirSync(`${tree.root}/tszone/i/a/old`);
    await cgroupHandlers.apply(create('tszone/i/a'));
    expect(existsSync(`${tree.root}/tszone/i/a/old`)).to.equal(false);
  });

  it('does not remove a group with processes', async () => {
    tree.put('tszone/i/a/b/cgroup.procs', '17\n');
    const error = await failure(cgroupHandlers.undo(create('tszone/i/a')));
    expect(error).to.include({ code: 'KERNEL_STEP_FAILED' });
    expect(error).to.have.property('context').that.includes({ step: 'cgroup.remove', errno: 'EBUSY' });
  });

  it('says which hierarchy is not there', async () => {
    const error = await failure(
      cgroupHandlers.apply({
        ...create('x'),
        path: '/nowhere/t/i/a',
        parents: ['/nowhere/t', '/nowhere/t/i'],
      } as CgroupOp),
    );
    expect(error)
      .to.have.property('context')
      .that.includes({ step: 'cgroup.create', syscall: 'mkdir', errno: 'ENOENT', path: '/nowhere/t/i/a' });
  });

  it('writes a value, and puts the previous one back', async () => {
    tree.put('a/pids.max', 'max\n');
    await cgroupHandlers.apply(write('a/pids.max', '5'));
    expect(tree.get('a/pids.max')).to.equal('5\n');
    await cgroupHandlers.undo(write('a/pids.max', '5'));
    expect(tree.get('a/pids.max')).to.equal('5\n');
    await cgroupHandlers.undo({ ...write('a/pids.max', '5'), previous: 'max' } as CgroupOp);
    expect(tree.get('a/pids.max')).to.equal('max\n');
  });

  it('gives a CPU list back to the group above on either version', async () => {
    tree.put('a/cpuset.cpus', '0-3\n');
    tree.put('a/b/cpuset.cpus', '1\n');
    await cgroupHandlers.apply(write('a/b/cpuset.cpus', ''));
    expect(tree.get('a/b/cpuset.cpus')).to.equal('0-3\n');
    tree.put('a/cpuset.cpus.effective', '0-7\n');
    await cgroupHandlers.apply(write('a/b/cpuset.cpus', ''));
    expect(tree.get('a/b/cpuset.cpus')).to.equal('0-7\n');
  });

  it('names the controller whose file the kernel does not have', async () => {
    mkdirSync(`${tree.root}/a`);
    const error = await failure(cgroupHandlers.apply(write('a/pids.max', '5')));
    expect(error).to.include({ code: 'CGROUP_CONTROLLER_MISSING' });
    expect(error).to.have.property('message').that.includes('"pids"');
  });

  it('adds up guarantees, also after a zone is gone', async () => {
    const sum: CgroupOp = { op: 'cgroup.sum', path: `${tree.root}/i`, file: 'memory.min' };
    tree.put('i/memory.min', '0\n');
    tree.put('i/a/memory.min', '100\n');
    tree.put('i/a/exec-1/memory.min', '7\n');
    tree.put('i/b/memory.min', '20\n');
    await cgroupHandlers.apply(sum);
    expect(tree.get('i/memory.min')).to.equal('120\n');
    tree.put('i/b/memory.min', 'max\n');
    await cgroupHandlers.undo(sum);
    expect(tree.get('i/memory.min')).to.equal('max\n');
    await cgroupHandlers.undo({ ...sum, path: `${tree.root}/gone` });
  });

  it('is described in one line', () => {
    const lines = planZoneCgroups({
      layout: layoutV2('/cg'),
      instance: 'i',
      zone: 'web',
      limits: { pids: 5 },
    }).prepare.map(cgroupHandlers.describe);
    expect(lines).to.deep.equal(['create cgroup /cg/tszone/i/web', 'write 5 to /cg/tszone/i/web/pids.max']);
  });
});
