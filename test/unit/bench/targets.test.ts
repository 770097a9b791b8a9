import { expect } from 'chai';
import type { Table } from '../../../bench/table.js';
import { judge } from '../../../bench/targets.js';

function table(id: string, samples: Record<string, readonly number[]>, lacks: Table['lacks'] = []): Table {
  const cells = Object.entries(samples).map(([name, values]) => ({ name, samples: values }));
  return { id, title: id, unit: 'ms', cells, lacks };
}

const verdictOn = (text: string, tables: readonly Table[]) => {
  const verdict = judge(tables, 1000).find((one) => one.text === text);
  if (verdict === undefined) throw new Error(`no target "${text}"`);
  return verdict;
};

describe('bench: targets', () => {
  it('a target is a ratio of medians, against the least of the peers', () => {
    const exec = table('exec', { tszone: [1, 2, 9], crun: [20, 20, 20], runc: [10, 8, 6] });
    const verdict = verdictOn('exec against the better of crun and runc', [exec]);
    expect(verdict).to.include({ measured: 0.25, holds: true });
  });

  it('about what is to be flat compares a large image, and what was written, with a small image of the same driver', () => {
    const clone = table('clone-stopped', { 'loop small image': [20], 'loop large image': [28], 'loop written': [31] });
    const verdictFor = (source: string) => verdictOn(`clone-stopped, loop: ${source} against a small image`, [clone]);
    expect(verdictFor('large image')).to.include({ measured: 1.4, holds: true });
    expect(verdictFor('written')).to.include({ measured: 1.55, holds: false });
    expect(verdictOn('clone-stopped, overlay: written against a small image', [clone]).holds).to.equal(undefined);
  });

  it('says that it is missed', () => {
    const exec = table('exec', { tszone: [3], nsenter: [2] });
    expect(verdictOn('exec against nsenter', [exec])).to.include({ measured: 1.5, holds: false });
  });

  it('does not hold, nor is it missed, if one side of it was not measured: it says why', () => {
    const run = table('run-net', { floor: [4] }, [{ name: 'tszone warm', reason: 'there is no engine' }]);
    const verdict = verdictOn('run with network, warm, against the floor', [run]);
    expect(verdict).to.include({ measured: undefined, holds: undefined, why: 'there is no engine' });
  });

  it('some ask for at least so much', () => {
    const text = 'cores that an import of three layers keeps busy';
    expect(verdictOn(text, [table('unpack-cores', { tszone: [1.4] })])).to.include({ atLeast: true, holds: true });
    expect(verdictOn(text, [table('unpack-cores', { tszone: [0.9] })])).to.include({ holds: false });
  });

  it('is not made easier by a peer that is missing', () => {
    const memory = table('memory', { tszone: [100], lxc: [300] }, [{ name: 'podman', reason: 'does not start' }]);
    const text = 'memory of an idle zone on the host side, against the less of lxc and podman';
    expect(verdictOn(text, [memory])).to.include({ holds: undefined, why: 'does not start' });
  });

  it('about 1,000 zones says nothing after a run with fewer', () => {
    const list = table('scale-list', { 'tszone warm': [5] });
    const verdict = judge([list], 20).find(({ text }) => text === 'list of 1,000 zones, warm');
    expect(verdict).to.include({ holds: undefined, why: '5.00 ms with 20 zones says nothing of 1000' });
    expect(judge([list], 1000).find(({ text }) => text === verdict?.text)).to.include({ holds: true });
  });

  it('about our own work counts the most of all sizes, and asks for each of them', () => {
    const text = 'our own work for clone, loop, stopped';
    const sizes = { 'loop clone small image': [5], 'loop clone large image': [6], 'loop clone written': [16] };
    expect(verdictOn(text, [table('own-stopped', sizes)])).to.include({ measured: 16, holds: false });
    const { 'loop clone large image': _, ...others } = sizes;
    expect(verdictOn(text, [table('own-stopped', others)]).holds).to.equal(undefined);
  });

  it('about our own work on btrfs leaves out what the ioctl alone takes, of the same size', () => {
    const text = 'our own work for clone, btrfs, stopped';
    const clones = { 'btrfs clone small image': [5], 'btrfs clone large image': [20], 'btrfs clone written': [16] };
    const alone = { 'the ioctl alone small image': [1], 'the ioctl alone large image': [6] };
    expect(verdictOn(text, [table('own-stopped', { ...clones, ...alone })]).holds).to.equal(undefined);
    const all = table('own-stopped', { ...clones, ...alone, 'the ioctl alone written': [0.5] });
    expect(verdictOn(text, [all])).to.include({ measured: 15.5, holds: false });
  });

  it('some are no ratios', () => {
    const memory = table('memory', { tszone: [150, 250, 190] });
    expect(verdictOn('memory of an idle zone on the host side', [memory])).to.include({ measured: 190, holds: true });
  });
});
