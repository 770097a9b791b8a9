/** A limit that this host cannot enforce is refused where it is given: by create and set, not only by the next start. */
import { expect } from 'chai';
import type { ZoneError } from '../../src/index.js';
import { givenHost } from '../helpers/given.js';
import { requires } from '../helpers/requires.js';

const missingCpu = '1023';

describe('a limit that cannot be enforced', () => {
  const given = givenHost();
  const failure = (promise: Promise<unknown>): Promise<ZoneError | undefined> =>
    promise.then(
      () => undefined,
      (error: ZoneError) => error,
    );

  it('is refused by create, and there is no zone', async () => {
    const host = await given.host.open();
    const error = await failure(host.create({ name: 'nowhere', image: 'sparse', cpuset: missingCpu }));
    expect(error).to.include({ code: 'SPEC_INVALID', exitStatus: 2 });
    expect((await host.list()).map(({ name }) => name)).to.not.include('nowhere');
  });

  it('is refused by set, and what was saved stays', async () => {
    const host = await given.host.open();
    const zone = await host.create({ name: 'stays', image: 'sparse', cpuset: '0' });
    expect(await failure(zone.set({ cpuset: missingCpu }))).to.include({ code: 'SPEC_INVALID', exitStatus: 2 });
    expect((await zone.inspect()).spec.cpuset).to.equal('0');
    await zone.set({ description: 'other settings are not held up' });
  });

  it('is refused by both where only the other cgroup version has it', async function () {
    requires('cgroup-v1').call(this);
    const host = await given.host.open();
    const zone = await host.create({ name: 'floor', image: 'sparse' });
    const guarantee = { memoryGuarantee: '8M' } as const;
    const refused = { code: 'CGROUP_CONTROLLER_MISSING', exitStatus: 5 };
    expect(await failure(host.create({ name: 'floor2', image: 'sparse', ...guarantee }))).to.include(refused);
    expect(await failure(zone.set(guarantee))).to.include(refused);
  });
});
