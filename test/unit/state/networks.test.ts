import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { parseRange } from '../../../src/spec/ip.js';
import * as networks from '../../../src/state/index.js';
import type { Roots } from '../../../src/state/roots.js';

const lab: networks.NetworkRecord = {
  name: 'lab',
  bridge: 'tzabc123b0',
  bridgeMac: '02:00:00:00:00:01',
  mtu: 1500,
  range4: '10.9.0.0/29',
  gateway4: '10.9.0.1',
  range6: 'fd12::/64',
  gateway6: 'fd12::1',
  createdAtMs: 0,
};

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: { code?: string }) => error.code,
  );
}

describe('leases', () => {
  let roots: Roots;

  beforeEach(async () => {
    const root = await mkdtemp(join(tmpdir(), 'tszone-networks-'));
    roots = { root, runRoot: join(root, 'run'), instance: 'abc123' };
    await networks.updateNetworks(roots, (file) => [{ ...file, networks: [lab] }, undefined]);
  });
  afterEach(() => rm(roots.root, { recursive: true }));

  it('are sticky', async () => {
    const first = await networks.leaseAddresses(roots, 'lab', 'a');
    expect(first).to.include({ ipv4: '10.9.0.2', ipv6: 'fd12::2', interfaceName: 'eth0' });
    expect(await networks.leaseAddresses(roots, 'lab', 'a')).to.deep.equal(first);
  });

  it('differ pairwise, also when they are asked for at once', async () => {
    const leases = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((zone) => networks.leaseAddresses(roots, 'lab', zone)),
    );
    for (const key of ['ipv4', 'ipv6', 'mac'] as const)
      expect(new Set(leases.map((lease) => lease[key]))).to.have.length(5);
  });

  it('end when there is nothing left, and are given again only after a release', async () => {
    for (const zone of ['a', 'b', 'c', 'd', 'e']) await networks.leaseAddresses(roots, 'lab', zone);
    expect(await failure(networks.leaseAddresses(roots, 'lab', 'f'))).to.equal('RESOURCE_ADDRESSES_EXHAUSTED');
    await networks.releaseAddresses(roots, 'c');
    expect(await networks.leaseAddresses(roots, 'lab', 'f')).to.include({ ipv4: '10.9.0.4' });
  });

  it('are not handed on at once', async () => {
    await networks.leaseAddresses(roots, 'lab', 'a');
    const { ipv4 } = await networks.leaseAddresses(roots, 'lab', 'b');
    await networks.releaseAddresses(roots, 'a');
    expect((await networks.leaseAddresses(roots, 'lab', 'c')).ipv4).to.not.be.oneOf(['10.9.0.2', ipv4]);
  });

  it('have a MAC that follows from the address, unless a zone still has that one', async () => {
    const first = await networks.leaseAddresses(roots, 'lab', 'a');
    await networks.releaseAddresses(roots, 'a');
    const next = await networks.leaseAddresses(roots, 'lab', 'b');
    expect([next.ipv4, next.mac]).to.deep.equal([first.ipv4, first.mac]);
    await networks.leaseAddresses(roots, 'lab', 'b', { ip: '10.9.0.6' });
    const { mac } = await networks.leaseAddresses(roots, 'lab', 'c', { ip: first.ipv4 });
    expect(mac)
      .to.match(/^.[26ae](:..){5}$/)
      .and.not.equal(first.mac);
  });

  it('honour what is wished', async () => {
    const wish = { ip: '10.9.0.5/29', ip6: 'fd12::abcd', mac: '02:AA:00:00:00:01' };
    const lease = await networks.leaseAddresses(roots, 'lab', 'a', wish);
    expect(lease).to.include({ ipv4: '10.9.0.5', ipv6: 'fd12::abcd', mac: '02:aa:00:00:00:01' });
  });

  it('keep the rest when one address is wished otherwise', async () => {
    const before = await networks.leaseAddresses(roots, 'lab', 'a');
    const after = await networks.leaseAddresses(roots, 'lab', 'a', { ip: '10.9.0.6' });
    expect(after).to.deep.equal({ ...before, ipv4: '10.9.0.6' });
    expect((await networks.readNetworks(roots)).leases).to.have.length(1);
  });

  it('refuse what another zone has', async () => {
    const { ipv4, ipv6, mac } = await networks.leaseAddresses(roots, 'lab', 'a');
    for (const wish of [{ ip: ipv4 }, { ip6: ipv6 }, { mac }]) {
      expect(await failure(networks.leaseAddresses(roots, 'lab', 'b', wish))).to.equal('NETWORK_ADDRESS_IN_USE');
    }
  });

  it('refuse what the network does not have: outside, edges, gateway', async () => {
    for (const ip of ['10.8.0.2', '10.9.0.0', '10.9.0.7', '10.9.0.1']) {
      expect(await failure(networks.leaseAddresses(roots, 'lab', 'a', { ip })), ip).to.equal('USAGE_BAD_ARGUMENT');
    }
    expect(await failure(networks.leaseAddresses(roots, 'lab', 'a', { ip6: 'fd13::2' }))).to.equal(
      'USAGE_BAD_ARGUMENT',
    );
  });

  it('are one per interface, and go with the zone', async () => {
    await networks.leaseAddresses(roots, 'lab', 'a');
    await networks.leaseAddresses(roots, 'lab', 'a', { interfaceName: 'eth1' });
    await networks.renameLeases(roots, 'a', 'z');
    expect(await networks.zoneLeases(roots, 'z')).to.have.length(2);
    await networks.releaseAddresses(roots, 'z');
    expect((await networks.readNetworks(roots)).leases).to.deep.equal([]);
  });

  it('name the nearest network', async () => {
    const error = await networks.leaseAddresses(roots, 'lob', 'a').catch((caught: unknown) => caught);
    expect(error).to.have.property('code', 'NETWORK_NOT_FOUND');
    expect(error).to.have.nested.property('context.nearest', 'lab');
  });
});

describe('ranges of new networks', () => {
  const used = (...texts: string[]) => texts.map(parseRange).filter((range) => range !== undefined);

  it('stay clear of what the host uses', () => {
    const everything = Array.from({ length: 168 }, (_, at) => `10.${88 + at}.0.0/24`);
    const free = everything.filter((text) => text !== '10.200.0.0/24');
    expect(networks.chooseRange4('000000', used('10.88.0.0/24', '10.89.255.255/32')).base).to.equal(0x0a5a0000n);
    expect(networks.chooseRange4('abcdef', used(...free)).base).to.equal(0x0ac80000n);
    expect(() => networks.chooseRange4('000000', used('10.0.0.0/8')))
      .to.throw()
      .with.property('code', 'RESOURCE_ADDRESSES_EXHAUSTED');
  });

  it('are unique local in IPv6', () => {
    const [a, b] = [networks.chooseRange6(), networks.chooseRange6()];
    expect(a.base >> 120n).to.equal(0xfdn);
    expect(a.base).to.not.equal(b.base);
    expect(a.base & 0xffff_ffff_ffff_ffff_ffffn).to.equal(0n);
  });
});
