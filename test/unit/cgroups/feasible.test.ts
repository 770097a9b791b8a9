import { expect } from 'chai';
import { requireLimits, type ZoneLimits } from '../../../src/cgroups/index.js';
import { ZoneError } from '../../../src/errors/index.js';
import type { CgroupLayout } from '../../../src/host/index.js';
import { layoutSystemd, layoutV1, layoutV2 } from './layouts.js';

const MiB = 2 ** 20;

function refusal(limits: ZoneLimits, cgroup: CgroupLayout = layoutV1(), online = '0-1,4'): ZoneError | undefined {
  try {
    requireLimits({ cgroup, cpus: { count: 3, online } }, limits);
    return undefined;
  } catch (error) {
    if (error instanceof ZoneError) return error;
    throw error;
  }
}

describe('requireLimits', () => {
  it('takes the CPUs that are online', () => {
    for (const cpuset of ['0', '0-1', '0,1,4', '4,0-1', '', undefined, null])
      expect(refusal({ cpuset }), String(cpuset)).to.equal(undefined);
  });

  it('calls a CPU that there is not a wrong spec', () => {
    for (const [cpuset, missing] of [
      ['99', '99'],
      ['0-4', '2'],
      ['0,3', '3'],
      ['1-4000000000', '2'],
    ] as const) {
      const error = refusal({ cpuset });
      expect(error, cpuset).to.include({ code: 'SPEC_INVALID', exitStatus: 2 });
      expect(error?.message).to.include(`CPU ${missing}`);
      expect(error?.hint).to.include('0-1,4');
    }
  });

  it('calls a range that runs backwards a wrong spec', () => {
    expect(refusal({ cpuset: '1-0' })).to.include({ code: 'SPEC_INVALID' });
  });

  it('refuses what a start would refuse', () => {
    expect(refusal({ memoryGuaranteeBytes: MiB })).to.include({ code: 'CGROUP_CONTROLLER_MISSING' });
    expect(refusal({ pids: 5 }, layoutV1('/cg', ['memory']))).to.include({ code: 'CGROUP_CONTROLLER_MISSING' });
    expect(refusal({}, { ...layoutV1(), controllers: {} })).to.include({ code: 'HOST_FEATURE_MISSING' });
  });

  it('refuses a guarantee that a group above takes away, and names it', () => {
    const machine = { path: '/cg/machine.slice', bytes: 2 * MiB };
    const cgroup = { ...layoutSystemd(), floors: [machine] };
    expect(refusal({ memoryGuaranteeBytes: 2 * MiB }, cgroup)).to.equal(undefined);
    expect(refusal({ memoryGuaranteeBytes: MiB }, layoutV2())).to.equal(undefined);
    const error = refusal({ memoryGuaranteeBytes: 3 * MiB }, cgroup);
    expect(error).to.include({ code: 'HOST_FEATURE_MISSING' });
    expect(error?.message).to.include('/cg/machine.slice');
    expect(error?.hint).to.include('systemctl set-property machine.slice MemoryMin=3145728');
  });
});
