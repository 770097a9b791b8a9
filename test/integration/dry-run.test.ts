/** --dry-run says what would be done, and does nothing. */
import { expect } from 'chai';
import { givenHost } from '../helpers/given.js';

interface Plan {
  readonly operation: string;
  readonly zone: string;
  readonly steps: readonly { readonly phase: string; readonly op: { readonly op: string }; readonly text: string }[];
}

describe('--dry-run', () => {
  const given = givenHost({}, async (host) => {
    await host.ok(['create', 'made', '--image', 'sparse', '--memory', '64M']);
  });
  const opsOf = ({ steps }: Plan) => steps.map(({ op }) => op.op);

  it('of create leaves no zone', async () => {
    const before = await given.host.snapshot();
    const plan = await given.host.json<Plan>(['create', 'other', '--image', 'sparse', '--dry-run']);
    expect([plan.operation, plan.zone, opsOf(plan).at(-1)]).to.deep.equal(['create', 'other', 'state.zone-write']);
    expect(await given.host.snapshot()).to.deep.equal(before);
    expect(await given.host.ok(['list', '-q'])).to.equal('made\n');
  });

  it('of create finds the same faults as create', async () => {
    const twice = await given.host.cli(['create', 'made', '--image', 'sparse', '--dry-run', '-o', 'json']);
    expect(JSON.parse(twice.stderr)).to.have.nested.property('error.code', 'ZONE_EXISTS');
    const unknown = await given.host.cli(['create', 'x', '--image', 'no-such', '--dry-run', '-o', 'json']);
    expect(JSON.parse(unknown.stderr)).to.have.nested.property('error.code', 'IMAGE_NOT_FOUND');
  });

  it('of start shows all three phases, and starts nothing', async () => {
    const before = await given.host.snapshot();
    const plan = await given.host.json<Plan>(['start', 'made', '--dry-run']);
    expect([...new Set(plan.steps.map(({ phase }) => phase))]).to.deep.equal(['prepare', 'enter', 'attach']);
    expect(opsOf(plan)).to.include.members(['root.pivot', 'exec.slot']);
    expect(await given.host.snapshot()).to.deep.equal(before);
    expect(await given.host.ok(['start', 'made', '--dry-run'])).to.match(/^start made: \d+ steps\n {2}prepare /);
  });

  it('of stop and delete change nothing', async () => {
    await given.host.ok(['start', 'made']);
    const plan = await given.host.json<Plan>(['stop', 'made', '--dry-run']);
    expect(plan.steps.length).to.be.greaterThan(0);
    expect(await given.host.json<{ status: string }>(['status', 'made'])).to.include({ status: 'running' });
    await given.host.ok(['stop', 'made']);
    expect(opsOf(await given.host.json<Plan>(['delete', 'made', '--dry-run']))[0]).to.equal('state.remove');
    expect(await given.host.ok(['list', '-q'])).to.equal('made\n');
  });
});
