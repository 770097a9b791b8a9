import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { formatUserns, idCount, modeOf, modeWarnings, parseUserns, parseZoneOptions } from '../../../src/spec/index.js';

const minimal = { name: 'web', image: 'sparse' };

function refusal(options: object): string {
  try {
    parseZoneOptions({ ...minimal, ...options });
  } catch (error) {
    if (hasCode(error, 'SPEC_INVALID')) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('whose ids a zone has', () => {
  it('is auto, host, or a range that can hold 16-bit ids and is not root', () => {
    expect(parseUserns('auto')).to.deep.equal({ kind: 'auto' });
    expect(parseUserns('host')).to.deep.equal({ kind: 'host' });
    expect(parseUserns('500000:65536')).to.deep.equal({ kind: 'range', base: 500_000, count: 65_536, shared: false });
    expect(parseUserns('auto:131072')).to.deep.equal({ kind: 'auto', count: 131_072 });
    for (const text of ['500000:131072', '500000:65536,shared', 'auto', 'auto:131072'])
      expect(formatUserns(parseUserns(text) ?? { kind: 'auto' })).to.equal(text);
    for (const text of ['auto:', 'auto:65535', 'auto:x', 'auto:99999999999', 'host:65536'])
      expect(parseUserns(text), text).to.equal(undefined);
    for (const text of ['', 'HOST', '0:65536', '500000:65535', '4294910000:65536', '1:65536,sharing', '-1:65536'])
      expect(parseUserns(text), text).to.equal(undefined);
  });

  it('makes its mode, and every mode but the default one is warned of', () => {
    const modes = (options: object) => {
      const spec = parseZoneOptions({ ...minimal, ...options });
      return [modeOf(spec), modeWarnings(spec).length];
    };
    expect(modes({})).to.deep.equal(['isolated', 0]);
    expect(modes({ userns: '500000:65536' })).to.deep.equal(['isolated', 0]);
    expect(modes({ userns: '500000:65536,shared' })).to.deep.equal(['shared-ids', 1]);
    expect(modes({ userns: 'host' })).to.deep.equal(['host-ids', 1]);
    expect(modes({ privileged: true })).to.deep.equal(['privileged', 1]);
    expect(modes({ privileged: true, userns: 'host' })).to.deep.equal(['privileged', 1]);
  });

  it('may hold zones with ids that are its alone, and then has many', () => {
    const spec = parseZoneOptions({ ...minimal, nesting: true });
    expect(modeOf(spec)).to.equal('nesting');
    expect(modeWarnings(spec)).to.match(/^warning: zone "web" may make user namespaces/);
    expect(modeWarnings(spec, 'each spare')[0]).to.match(/^warning: each spare may make/);
    expect(idCount(spec)).to.equal(16 * 65_536);
    const countOf = (options: object) => idCount(parseZoneOptions({ ...minimal, ...options }));
    expect(countOf({})).to.equal(65_536);
    expect(countOf({ userns: 'auto:70000' }), 'whole blocks').to.equal(131_072);
    expect(countOf({ nesting: true, userns: 'auto:196608' })).to.equal(196_608);
    expect(countOf({ nesting: true, userns: '500000:70000' }), 'as told').to.equal(70_000);
    expect(refusal({ nesting: true, privileged: true })).to.match(/^"nesting" is not needed/);
    expect(refusal({ nesting: true, userns: 'host' })).to.match(/^"nesting" would open the host's/);
    expect(refusal({ nesting: true, userns: '500000:65536,shared' })).to.match(/^"nesting" needs ids that nobody/);
  });

  it('refuses what would undo it', () => {
    expect(refusal({ privileged: true, userns: '500000:65536' })).to.match(/with --privileged/);
    for (const name of ['SYS_ADMIN', 'DAC_READ_SEARCH', 'MKNOD', 'SYS_MODULE', 'ALL'])
      expect(refusal({ userns: 'host', capAdd: [name] }), name).to.match(/pass --privileged/);
    expect(refusal({ userns: 'host', capAdd: ['NET_ADMIN'] })).to.equal('accepted');
    expect(refusal({ userns: 'host', privileged: true, capAdd: ['SYS_ADMIN'] })).to.equal('accepted');
  });
});

describe('kernel parameters of a zone', () => {
  it('are those of its network and IPC namespaces', () => {
    for (const key of [
      'net.core.somaxconn',
      'net/ipv4/conf/eth0.5/forwarding',
      'kernel.shmmax',
      'kernel.shm_rmid_forced',
      'kernel.msgmnb',
      'kernel.sem',
      'fs.mqueue.msg_max',
    ])
      expect(refusal({ sysctl: { [key]: '1' } }), key).to.equal('accepted');
  });

  it('are never those of the host, by whatever name', () => {
    for (const key of ['kernel.core_pattern', 'vm.swappiness', 'kernel.modprobe', 'fs.file-max', 'kernel/sysrq'])
      expect(refusal({ sysctl: { [key]: '1' } }), key).to.match(/is the host's, .* run sysctl -w/);
    for (const key of ['net/../kernel/core_pattern', 'net..x', '/net/x', 'net.', 'net', '', 'kernel.shmmax/x'])
      expect(refusal({ sysctl: { [key]: '1' } }), key).to.not.equal('accepted');
    expect(refusal({ sysctl: { 'kernel.hostname': 'x' } })).to.match(/--hostname/);
    expect(refusal({ sysctl: { 'net.core.somaxconn': '1\n2' } })).to.match(/one line/);
    expect(refusal({ net: 'host', sysctl: { 'net.core.somaxconn': '1' } })).to.match(/host's with --net host/);
    expect(refusal({ net: 'host', sysctl: { 'kernel.shmmax': '1' } })).to.equal('accepted');
  });
});
