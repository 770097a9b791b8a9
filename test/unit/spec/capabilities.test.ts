import { expect } from 'chai';
import {
  capabilityMask,
  capabilityNames,
  defaultCapabilities,
  effectiveCapabilities,
  parseCapability,
} from '../../../src/spec/index.js';

describe('capabilities', () => {
  it('has the kernel’s bits', () => {
    expect(capabilityMask(['CHOWN'])).to.equal(1n);
    expect(capabilityMask(['SYS_ADMIN'])).to.equal(1n << 21n);
    expect(capabilityMask(['CHECKPOINT_RESTORE'])).to.equal(1n << 40n);
  });

  it('keeps what is global to the kernel out of the default', () => {
    expect(defaultCapabilities).not.to.include.members(['SYS_MODULE']);
    for (const name of ['SYS_MODULE', 'SYS_RAWIO', 'SYS_TIME', 'BPF', 'PERFMON', 'SYSLOG', 'MAC_ADMIN'] as const) {
      expect(defaultCapabilities).not.to.include(name);
    }
  });

  it('adds and drops; drops win', () => {
    expect(effectiveCapabilities([], ['NET_RAW'])).to.deep.equal(
      defaultCapabilities.filter((name) => name !== 'NET_RAW'),
    );
    expect(effectiveCapabilities(['NET_RAW'], ['ALL'])).to.deep.equal(['NET_RAW']);
    expect(effectiveCapabilities(['ALL'], [])).to.deep.equal(capabilityNames);
    expect(effectiveCapabilities(['SYS_TIME'], ['SYS_TIME'])).not.to.include('SYS_TIME');
  });

  it('reads names as people write them', () => {
    expect(parseCapability('cap_net_raw')).to.equal('NET_RAW');
    expect(parseCapability('all')).to.equal('ALL');
    expect(parseCapability('NET_ROW')).to.equal(undefined);
  });
});
