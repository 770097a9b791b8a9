import { expect } from 'chai';
import type { EnterOp } from '../../../src/helper/protocol.js';
import { planLoopback, planZoneNetwork, type ZoneInterface } from '../../../src/netif/plan.js';
import { decodeMessages } from '../../../src/netif/wire/bytes.js';
import type { Lease, NetworkRecord } from '../../../src/state/index.js';

const roots = { root: '/r', runRoot: '/rr', instance: 'abc123' };
const network: NetworkRecord = {
  name: 'default',
  bridge: 'tzabc123b0',
  bridgeMac: '02:00:00:00:00:01',
  mtu: 1400,
  range4: '10.88.0.0/16',
  gateway4: '10.88.0.1',
  range6: 'fd12::/64',
  gateway6: 'fd12::1',
  createdAtMs: 0,
};
const lease: Lease = {
  zone: 'web',
  network: 'default',
  interfaceName: 'eth0',
  mac: '02:00:00:00:00:09',
  ipv4: '10.88.0.2',
  ipv6: 'fd12::2',
};
const eth0: ZoneInterface = { network, lease, vethName: 'tzabc123vabcdef', hostMac: '02:00:00:00:00:08' };
const port = { hostAddress: '127.0.0.1', hostPort: 8080, zonePort: 80, protocol: 'tcp' as const };

const insideMessages = (enter: readonly EnterOp[]) =>
  enter.flatMap((op) => decodeMessages(Buffer.from(op.op === 'nl.send' ? op.hex : '', 'hex')));

describe('planZoneNetwork', () => {
  it('prepares the network and the ports before there is a process', () => {
    const { prepare, addresses } = planZoneNetwork({ roots, interfaces: [eth0], ports: [port] });
    expect(prepare.map((op) => op.op)).to.deep.equal(['net.bridge', 'net.nft', 'net.forward', 'net.port']);
    expect(prepare[0]).to.deep.include({ name: 'tzabc123b0', addresses: ['10.88.0.1/16', 'fd12::1/64'] });
    expect(prepare[3]).to.include({ table: 'tszone_abc123', zoneAddress: '10.88.0.2', zonePort: 80 });
    expect(addresses).to.deep.equal(['10.88.0.2', 'fd12::2']);
  });

  it('is plain JSON, so that it can be journaled', () => {
    const { prepare, attach } = planZoneNetwork({ roots, interfaces: [eth0], ports: [port] });
    const ops = [...prepare, ...attach];
    expect(JSON.parse(JSON.stringify(ops))).to.deep.equal(ops);
  });

  it('attaches one veth per interface, each of its own index', () => {
    const eth1 = {
      ...eth0,
      lease: { ...lease, interfaceName: 'eth1', ipv4: '10.88.0.3' },
      vethName: 'tzabc123vabcdeg',
      mtu: 1300,
    };
    const { prepare, attach, enter } = planZoneNetwork({ roots, interfaces: [eth0, eth1], ports: [] });
    expect(attach).to.have.length(2);
    expect(attach[0]).to.include({ peerName: 'eth0', peerIndex: 100, mtu: 1400 });
    expect(attach[1]).to.include({ peerName: 'eth1', peerIndex: 101, mtu: 1300 });
    expect(
      prepare.filter((op) => op.op === 'net.bridge'),
      'one bridge for two interfaces on it',
    ).to.have.length(1);
    // lo, then two addresses and up for each, and two default routes by the first only.
    expect(insideMessages(enter)).to.have.length(1 + 3 + 2 + 3);
  });

  it('sends only requests that are acknowledged', () => {
    const { enter } = planZoneNetwork({ roots, interfaces: [eth0], ports: [] });
    for (const message of insideMessages(enter)) expect(message.flags & 5).to.equal(5);
  });

  it('tells the firewall what the zone may send from, on each of its networks', () => {
    const lab = { ...network, name: 'lab', bridge: 'tzabc123b1', range6: undefined, gateway6: undefined };
    const { ipv6: _, ...v4only } = { ...lease, network: 'lab', interfaceName: 'eth1', mac: '02:00:00:00:00:0a' };
    const eth1 = { ...eth0, network: lab, lease: v4only };
    const { prepare } = planZoneNetwork({ roots, interfaces: [eth0, eth1], ports: [] });
    expect(prepare.flatMap((op) => (op.op === 'net.nft' ? [op.sources] : []))).to.deep.equal([
      [{ mac: lease.mac, ipv4: lease.ipv4, ipv6: lease.ipv6 }],
      [{ mac: v4only.mac, ipv4: v4only.ipv4 }],
    ]);
  });

  it('takes each port back by itself when the zone has ended', () => {
    const { exit } = planZoneNetwork({ roots, interfaces: [eth0], ports: [port, { ...port, hostPort: 8081 }] });
    expect(exit.map((op) => op.op)).to.deep.equal(['exit.nl', 'exit.nl']);
    expect(exit[0]).to.include({ protocol: '12' });
  });

  it('refuses ports that cannot be', () => {
    const plan = (hostAddress: string, one = eth0) =>
      planZoneNetwork({ roots, interfaces: [one], ports: [{ ...port, hostAddress }] });
    const { ipv6: _, ...v4only } = lease;
    expect(() => plan('::1'))
      .to.throw()
      .with.property('code', 'USAGE_BAD_ARGUMENT');
    expect(() => plan('::', { ...eth0, lease: v4only }))
      .to.throw()
      .with.property('code', 'USAGE_BAD_ARGUMENT');
    expect(plan('::').prepare.at(-1)).to.include({ zoneAddress: 'fd12::2' });
  });

  it('without a network, sets lo up', () => {
    expect(planLoopback()).to.have.length(1);
  });
});
