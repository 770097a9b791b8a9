/** --dry-run of what starts and ends zones, and of what changes them by the library: each refusal is the real one's, and nothing is changed. */
import { expect } from 'chai';
import type { DryRun } from '../../src/index.js';
import { dryRun, opsOf, sameRefusal, textOf, unchanged } from '../helpers/dry-run.js';
import { givenHost } from '../helpers/given.js';

describe('--dry-run of the life of a zone', () => {
  const given = givenHost({}, async (host) => {
    await host.ok(['create', 'still', '--image', 'sparse', '--net', 'none']);
    await host.run({ name: 'runs', image: 'sparse', net: 'none', command: ['sleep', '100000'] });
  });
  const statusOf = async (name: string) => (await given.host.json<{ status: string }>(['status', name])).status;

  it('stop says whom it asks and what is taken back, and knows whom it must not stop', async () => {
    const { host } = given;
    const { pid } = await host.json<{ pid: number }>(['status', 'runs']);
    const plan = await dryRun(host, ['stop', 'runs']);
    expect(plan.steps[0]?.text).to.equal(`send signal 15 to process ${pid}`);
    expect(opsOf(plan)).to.include('cgroup.create');
    expect(opsOf(plan).at(-1)).to.equal('state.zone-stopped');
    expect((await dryRun(host, ['stop', '--force', 'runs'])).steps[0]?.text).to.equal(
      `send signal 9 to process ${pid}`,
    );
    await host.ok(['set', 'runs', '--protect', 'stop']);
    expect(await sameRefusal(host, ['stop', 'runs'])).to.equal('ZONE_PROTECTED');
    expect(await sameRefusal(host, ['restart', 'runs'])).to.equal('ZONE_PROTECTED');
    await host.ok(['unset', 'runs', 'protect']);
    expect(await sameRefusal(host, ['stop', 'nobody'])).to.equal('ZONE_NOT_FOUND');
  });

  it('stopping what is stopped is success, of which only a record is left', async () => {
    expect(opsOf(await dryRun(given.host, ['stop', 'still']))).to.deep.equal(['state.zone-stopped']);
    await given.host.ok(['stop', 'still']);
    expect(opsOf(await dryRun(given.host, ['stop', 'still']))).to.deep.equal([]);
  });

  it('start of what is prepared lets it go, and preparing it again is no step', async () => {
    const { host } = given;
    expect(await sameRefusal(host, ['start', 'runs'])).to.equal('ZONE_RUNNING');
    expect(await sameRefusal(host, ['prepare', 'runs'])).to.equal('ZONE_RUNNING');
    await host.ok(['prepare', 'still']);
    expect(opsOf(await dryRun(host, ['start', 'still']))).to.deep.equal(['zone.go']);
    expect(opsOf(await dryRun(host, ['prepare', 'still']))).to.deep.equal([]);
    await host.ok(['set', 'still', '--hostname', 'other']);
    const anew = await dryRun(host, ['start', 'still']);
    expect(anew.steps[0]?.text).to.match(/^send signal 9 to process \d+$/);
    expect([...new Set(anew.steps.map(({ phase }) => phase))]).to.deep.equal(['undo', 'prepare', 'enter']);
    await host.ok(['stop', 'still']);
  });

  it('delete refuses what a delete refuses, and lists all that goes', async () => {
    const { host } = given;
    expect(await sameRefusal(host, ['delete', '--yes', 'runs'])).to.equal('ZONE_RUNNING');
    await host.ok(['snapshot', 'create', 'still@kept']);
    expect(await sameRefusal(host, ['delete', '--yes', 'still'])).to.equal('ZONE_HAS_SNAPSHOTS');
    await host.ok(['set', 'still', '--protect', 'delete']);
    expect(await sameRefusal(host, ['delete', '--force', 'still'])).to.equal('ZONE_PROTECTED');
    await host.ok(['unset', 'still', 'protect']);
    const forced = await dryRun(host, ['delete', '--force', 'runs']);
    expect([...new Set(forced.steps.map(({ phase }) => phase))]).to.deep.equal(['undo', 'prepare']);
    expect(textOf(forced)).to.include('remove ').and.include('user ids of zone runs');
    expect(await statusOf('runs')).to.equal('running');
    const missing = await dryRun(host, ['delete', 'stil']);
    expect([missing.steps, missing.notes]).to.deep.equal([[], ['there is no zone "stil"; did you mean "still"?']]);
  });

  it('the library has them, too', async () => {
    const { host } = given;
    const opened = await host.open();
    const runs = await opened.zone('runs');
    const still = await opened.zone('still');
    const works: readonly (() => Promise<DryRun>)[] = [
      () => opened.create({ name: 'new', image: 'sparse', net: 'none' }, { dryRun: true }),
      () => opened.run({ name: 'new', image: 'sparse', net: 'none' }, { dryRun: true }),
      () => still.start({ dryRun: true }),
      () => runs.stop({ dryRun: true }),
      () => runs.restart({ dryRun: true }),
      () => runs.set({ memory: '64M' }, { dryRun: true }),
      () => runs.delete({ force: true, dryRun: true }),
    ];
    const plans = await unchanged(host, [], async () => {
      const made: DryRun[] = [];
      for (const work of works) made.push(await work());
      return made;
    });
    expect(plans.map(({ operation, steps }) => [operation, steps.length > 0])).to.deep.equal(
      ['create', 'run', 'start', 'stop', 'restart', 'set', 'delete'].map((operation) => [operation, true]),
    );
  });
});
