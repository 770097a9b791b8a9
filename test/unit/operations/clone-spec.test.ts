import { expect } from 'chai';
import { cloneSpec } from '../../../src/operations/clone-spec.js';
import { parseZoneOptions } from '../../../src/spec/index.js';

const source = parseZoneOptions({
  name: 'web',
  image: 'busybox',
  hostname: 'shop',
  memory: '64M',
  port: ['8080:80'],
  net: 'bridge=default,ip=10.0.0.5/24,mac=02:00:00:00:00:01',
  userns: '700000000:65536',
});
const wish = { name: 'copy', keepIdentity: false, ephemeral: false, change: {} };

describe('what a clone is asked to be', () => {
  it('is what its source is, but for what only one of them can have; each is named', () => {
    const { spec, notes } = cloneSpec(source, wish);
    expect(spec)
      .to.include({ name: 'copy', memory: 64 << 20 })
      .and.to.not.have.property('hostname');
    expect([spec.port, spec.userns]).to.deep.equal([[], { kind: 'auto' }]);
    expect(JSON.stringify(spec.net)).to.not.include('10.0.0.5').and.to.not.include('02:00');
    expect(notes).to.have.length(3);
    expect(notes.join()).to.include('8080:80').and.to.include('10.0.0.5').and.to.include('--userns');
  });

  it('is all of it where the identity is kept', () => {
    const { spec, notes } = cloneSpec(source, { ...wish, keepIdentity: true });
    expect(spec).to.deep.equal({ ...source, name: 'copy' });
    expect(notes).to.deep.equal([]);
  });

  it('is changed by what is told, and then there is nothing to remark', () => {
    const change = { port: ['9090:80'], memory: '128M' };
    const { spec, notes } = cloneSpec(source, { ...wish, change });
    expect([spec.memory, spec.port[0]?.hostPort]).to.deep.equal([128 << 20, 9090]);
    expect(notes.join()).to.not.include('ports');
  });

  it('of a throw-away one has no restart policy', () => {
    const always = parseZoneOptions({ name: 'web', image: 'busybox', restart: 'always' });
    expect(cloneSpec(always, { ...wish, ephemeral: true }).spec.restart).to.deep.equal({ policy: 'no' });
  });
});
