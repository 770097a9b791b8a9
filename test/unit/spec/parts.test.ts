import { expect } from 'chai';
import {
  formatPort,
  parseMount,
  parsePort,
  parseRestart,
  parseRlimit,
  parseTmpfs,
  parseZonePath,
} from '../../../src/spec/index.js';
import { parseNet } from '../../../src/spec/interfaces.js';

describe('parts of a spec', () => {
  it('publishes on loopback unless an address is given', () => {
    expect(parsePort('8080:80')).to.deep.equal({
      hostAddress: '127.0.0.1',
      hostPort: 8080,
      zonePort: 80,
      protocol: 'tcp',
    });
    expect(parsePort('0.0.0.0:53:5353/udp')).to.deep.equal({
      hostAddress: '0.0.0.0',
      hostPort: 53,
      zonePort: 5353,
      protocol: 'udp',
    });
    expect(parsePort('[::]:80:80')?.hostAddress).to.equal('::');
  });

  it('writes a port as it was read', () => {
    for (const text of ['127.0.0.1:8080:80', '0.0.0.0:53:5353/udp', '[fd00::1]:1:65535']) {
      const port = parsePort(text);
      expect(port && formatPort(port)).to.equal(text);
    }
  });

  for (const text of ['80', '0:80', '80:65536', '300.0.0.1:1:1', '80:80/sctp', 'x:80:80', '::1:80:80']) {
    it(`refuses the port ${text}`, () => expect(parsePort(text)).to.equal(undefined));
  }

  it('reads mounts, writable unless :ro', () => {
    expect(parseMount('/srv:/data')).to.deep.equal({ source: '/srv', target: '/data', readOnly: false });
    expect(parseMount('/srv/:/data//x:ro')).to.deep.equal({ source: '/srv', target: '/data/x', readOnly: true });
  });

  for (const text of ['/srv', 'srv:/data', '/srv:data', '/srv:/', '/srv:/a/../b', '/a:/b:rx', '/a:/b:ro:x']) {
    it(`refuses the mount ${text}`, () => expect(parseMount(text)).to.equal(undefined));
  }

  it('reads tmpfs with and without a size', () => {
    expect(parseTmpfs('/scratch')).to.deep.equal({ path: '/scratch', sizeBytes: undefined });
    expect(parseTmpfs('/scratch:1M')).to.deep.equal({ path: '/scratch', sizeBytes: 1_048_576 });
    expect([parseTmpfs('/'), parseTmpfs('/x:y'), parseTmpfs('x')]).to.deep.equal([undefined, undefined, undefined]);
  });

  it('refuses paths that climb', () => {
    expect(parseZonePath('/a/../../etc')).to.equal(undefined);
    expect(parseZonePath('/a/./b/')).to.equal('/a/b');
  });

  it('reads resource limits as ulimit has them', () => {
    expect(parseRlimit('n=1024')).to.deep.equal({ resource: 'nofile', soft: 1024, hard: 1024 });
    expect(parseRlimit('core=0:unlimited')).to.deep.equal({ resource: 'core', soft: 0, hard: 'unlimited' });
    expect([parseRlimit('n=10:5'), parseRlimit('x=1'), parseRlimit('n=')]).to.deep.equal([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('reads restart policies', () => {
    expect(parseRestart('on-failure:3')).to.deep.equal({ policy: 'on-failure', maxRetries: 3 });
    expect(parseRestart('always')).to.deep.equal({ policy: 'always' });
    expect([parseRestart('always:3'), parseRestart('sometimes')]).to.deep.equal([undefined, undefined]);
  });

  it('reads interfaces and numbers them', () => {
    expect(parseNet(['none'])).to.deep.equal({ kind: 'none' });
    expect(parseNet(['bridge=default', 'bridge=lan,ip=10.1.2.3/16,mac=02:AA:BB:CC:DD:EE,mtu=1400'])).to.deep.equal({
      kind: 'bridge',
      interfaces: [
        { network: 'default', name: 'eth0' },
        { network: 'lan', name: 'eth1', ip: '10.1.2.3/16', mac: '02:aa:bb:cc:dd:ee', mtu: 1400 },
      ],
    });
  });

  for (const text of [
    'brige=x',
    'bridge=x,ip=1',
    'bridge=x,foo=1',
    'bridge=x,name=lo',
    'bridge=x,mtu=10',
    'bridge=x,mac=01:00:00:00:00:00',
    'none,ip=1',
  ]) {
    it(`refuses the interface ${text}`, () => expect(parseNet([text])).to.equal(undefined));
  }

  it('refuses two interfaces of one name, and none among others', () => {
    expect(parseNet(['bridge=a,name=eth0', 'bridge=b,name=eth0'])).to.equal(undefined);
    expect(parseNet(['bridge=a', 'none'])).to.equal(undefined);
  });
});
