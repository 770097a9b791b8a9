import { expect } from 'chai';
import { makeResolvConf } from '../../../src/netif/resolv-conf.js';

const wish = { dns: [], search: [], hostNetwork: false };
const stub = 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n';
const upstream = 'nameserver 192.0.2.53\nnameserver fe80::1%eth0\n';

describe("a zone's resolv.conf", () => {
  it('has the servers of the host if a zone can reach them', () => {
    const { text, warning } = makeResolvConf(wish, 'domain example.org\nnameserver 10.1.1.1\nnameserver ::1\n', []);
    expect(text).to.equal('nameserver 10.1.1.1\nsearch example.org\n');
    expect(warning).to.equal(undefined);
  });

  it("has those of the host's local resolver instead of its loopback address", () => {
    const { text } = makeResolvConf(wish, stub, ['', upstream]);
    expect(text).to.equal('nameserver 192.0.2.53\nsearch lan\noptions edns0\n');
  });

  it('has what was asked for', () => {
    const { text } = makeResolvConf({ ...wish, dns: ['192.0.2.1'], search: ['a.example', 'b.example'] }, stub, [
      upstream,
    ]);
    expect(text).to.equal('nameserver 192.0.2.1\nsearch a.example b.example\noptions edns0\n');
  });

  it('is never silently without a server', () => {
    const { text, warning } = makeResolvConf(wish, stub, ['']);
    expect(warning).to.include('127.0.0.53').and.include('--dns');
    expect(text).to.include('# tszone:');
  });

  it("is the host's own in the host's network", () => {
    expect(makeResolvConf({ ...wish, hostNetwork: true }, stub, [upstream]).text).to.equal(stub);
    expect(makeResolvConf({ ...wish, hostNetwork: true, search: ['x'] }, stub, []).text).to.include(
      'nameserver 127.0.0.53',
    );
  });
});
