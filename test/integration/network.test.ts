/** Networks on a host played in a namespace of its own: zones are bare net namespaces, the world outside is a third. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  allocateVethName,
  planNetwork,
  planZoneNetwork,
  randomMac,
  type ZoneNetworkPlan,
} from '../../src/netif/index.js';
import type { PortSpec } from '../../src/spec/parts.js';
import type { Lease, NetworkRecord } from '../../src/state/index.js';
import type { Roots } from '../../src/state/roots.js';
import { NetPeer } from '../helpers/net-peer.js';
import { eventually, patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

const instance = 'abc123';
const outside4 = '198.51.100.2';
const outside6 = '2001:db8::2';
const host4 = '198.51.100.1';
const host6 = '2001:db8::1';

interface Zone {
  readonly name: string;
  readonly peer: NetPeer;
  readonly lease: Lease;
  readonly plan: ZoneNetworkPlan;
}

/** What must be as before when everything has been taken back. */
function fingerprint(host: NetPeer): string {
  const links = JSON.parse(host.sh('ip -j addr')) as { ifname: string; addr_info: { local: string }[] }[];
  const sysctls = host.sh(
    'cd /proc/sys/net; grep -rHs . ipv4/conf ipv6/conf | grep -E "/(forwarding|force_forwarding|accept_ra|route_localnet):" | sort',
  );
  return JSON.stringify(
    [
      links.map((link) => [link.ifname, link.addr_info.map((one) => one.local)]),
      host.sh('nft -j list ruleset'),
      sysctls.split('\n'),
    ],
    null,
    1,
  );
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describe('networks', function () {
  this.timeout(patience(120_000));
  let host: NetPeer;
  let outside: NetPeer;
  let roots: Roots;
  let network: NetworkRecord;
  let pristine: string;
  let a: Zone;
  let b: Zone;
  const started: NetPeer[] = [];

  const port = (text: Partial<PortSpec>): PortSpec => ({
    hostAddress: '127.0.0.1',
    hostPort: 8080,
    zonePort: 80,
    protocol: 'tcp',
    ...text,
  });

  async function planFor(name: string, ports: readonly PortSpec[]): Promise<{ lease: Lease; plan: ZoneNetworkPlan }> {
    const lease = await host.call('leaseAddresses', roots, 'default', name);
    const one = { network, lease, vethName: allocateVethName(instance), hostMac: randomMac() };
    return { lease, plan: planZoneNetwork({ roots, interfaces: [one], ports }) };
  }

  async function startZone(name: string, ports: readonly PortSpec[] = []): Promise<Zone> {
    const peer = await NetPeer.start();
    started.push(peer);
    const { lease, plan } = await planFor(name, ports);
    for (const op of [...plan.prepare, ...plan.attach.map((op) => ({ ...op, pid: peer.pid }))])
      await host.call('apply', op);
    await peer.call('send', plan.enter);
    for (const protocol of ['tcp', 'udp'] as const) await peer.call('serve', { host: '::', port: 80, protocol });
    return { name, peer, lease, plan };
  }

  before(async function () {
    requires('root', 'ip', 'nft').call(this);
    const root = await mkdtemp(join(tmpdir(), 'tszone-network-'));
    roots = { root, runRoot: join(root, 'run'), instance };
    [host, outside] = await Promise.all([NetPeer.start(), NetPeer.start()]);
    started.push(host, outside);
    host.sh(`ip link add up0 type veth peer name up1 netns ${outside.pid}
      ip addr add ${host4}/24 dev up0; ip addr add ${host6}/64 dev up0 nodad; ip link set up0 up
      ip link set lo up`);
    outside.sh(`ip addr add ${outside4}/24 dev up1; ip addr add ${outside6}/64 dev up1 nodad; ip link set up1 up`);
    host.sh(`ip route add default via ${outside4}; ip -6 route add default via ${outside6}`);
    await outside.call('serve', { host: '::', port: 80 });
    // The kernel sees to it a moment after both ends are up.
    await eventually('up0 has an address of its own', () => host.sh('ip -6 -o addr show dev up0 scope link') !== '');
    pristine = fingerprint(host);
    network = await host.call('ensureNetwork', roots, 'default');
    [a, b] = [
      await startZone('a', [
        port({}),
        port({ hostAddress: '0.0.0.0', hostPort: 8081 }),
        port({ hostAddress: '::', hostPort: 8081 }),
        port({ hostPort: 8082, protocol: 'udp' }),
      ]),
      await startZone('b'),
    ];
  });
  after(async () => {
    for (const peer of started.reverse()) await peer[Symbol.asyncDispose]();
    if (roots !== undefined) await rm(roots.root, { recursive: true });
  });

  it('have a private /16 and a unique local /64 that collide with nothing', () => {
    expect(network.range4).to.match(/^10\.\d+\.0\.0\/16$/);
    expect(network.range6).to.match(/^fd[0-9a-f]{2}:.*::\/64$/);
  });

  it('are remembered, and made but once by many at the same time', async () => {
    const again = await Promise.all([1, 2, 3].map(() => host.call('ensureNetwork', roots, 'default')));
    for (const one of again) expect(one).to.deep.equal(network);
  });

  it('give a zone the leased addresses and MAC, as ip shows them', () => {
    const [eth0] = JSON.parse(a.peer.sh('ip -j addr show eth0'));
    expect(eth0).to.include({ address: a.lease.mac, mtu: 1500, operstate: 'UP' });
    const locals = eth0.addr_info.map((one: { local: string; prefixlen: number }) => `${one.local}/${one.prefixlen}`);
    expect(locals).to.include.members([`${a.lease.ipv4}/16`, `${a.lease.ipv6}/64`]);
    expect(a.peer.sh('ip route; ip -6 route'))
      .to.include(`default via ${network.gateway4}`)
      .and.include(`default via ${network.gateway6}`);
  });

  it('connect zones with each other, both families', async () => {
    expect(await a.peer.call('ask', { host: b.lease.ipv4, port: 80 })).to.equal(a.lease.ipv4);
    expect(await a.peer.call('ask', { host: b.lease.ipv6 ?? '', port: 80 })).to.equal(a.lease.ipv6);
    a.peer.sh(`ping -c1 -W2 ${b.lease.ipv4}`);
  });

  it('connect zones with the host, both ways', async () => {
    a.peer.sh(`ping -c1 -W2 ${host4}; ping -c1 -W2 ${network.gateway6}`);
    expect(await host.call('ask', { host: a.lease.ipv4, port: 80 })).to.equal(network.gateway4);
  });

  it('let zones reach what the host reaches, under its address', async () => {
    expect(await a.peer.call('ask', { host: outside4, port: 80 })).to.equal(host4);
    expect(await a.peer.call('ask', { host: outside6, port: 80 })).to.equal(host6);
  });

  it('keep zones out of reach from outside', async () => {
    outside.sh(`ip route add ${network.range4} via ${host4}; ip -6 route add ${network.range6} via ${host6}`);
    expect(await outside.call('ask', { host: a.lease.ipv4, port: 80, waitMs: 700 })).to.equal('silence');
    expect(await outside.call('ask', { host: a.lease.ipv6 ?? '', port: 80, waitMs: 700 })).to.equal('silence');
  });

  it('do not make the host a router for others', async () => {
    const third = await NetPeer.start();
    started.push(third);
    host.sh(
      `ip link add third0 type veth peer name up1 netns ${third.pid}; ip addr add 203.0.113.1/24 dev third0; ip link set third0 up`,
    );
    third.sh('ip addr add 203.0.113.2/24 dev up1; ip link set up1 up; ip route add default via 203.0.113.1');
    await third.call('serve', { host: '0.0.0.0', port: 80 });
    // As the next start would: third0 has a route now.
    for (const op of a.plan.prepare) await host.call('apply', op);
    expect(host.sh('cat /proc/sys/net/ipv4/conf/third0/forwarding')).to.equal('1\n');
    outside.sh(`ip route add 203.0.113.0/24 via ${host4}`);
    expect(await outside.call('ask', { host: '203.0.113.2', port: 80, waitMs: 700 })).to.equal('silence');
    expect(await host.call('ask', { host: '203.0.113.2', port: 80 })).to.equal('203.0.113.1');
    host.sh('ip link delete third0');
  });

  describe('published ports', () => {
    it('answer on 127.0.0.1, also by UDP', async () => {
      expect(await host.call('ask', { host: '127.0.0.1', port: 8080 })).to.equal(network.gateway4);
      expect(await host.call('ask', { host: '127.0.0.1', port: 8082, protocol: 'udp' })).to.equal(network.gateway4);
    });

    it('on 127.0.0.1 do not answer on other addresses', async () => {
      expect(await host.call('ask', { host: host4, port: 8080 })).to.equal('ECONNREFUSED');
      expect(await outside.call('ask', { host: host4, port: 8080 })).to.equal('ECONNREFUSED');
    });

    it('on 127.0.0.1 cannot be reached by packets from a wire with that address', async () => {
      outside.sh(`sysctl -qw net.ipv4.conf.up1.route_localnet=1; ip addr del 127.0.0.1/8 dev lo
        ip route add 127.0.0.1/32 via ${host4} src ${outside4}`);
      expect(await outside.call('ask', { host: '127.0.0.1', port: 8080, waitMs: 700 })).to.equal('silence');
      outside.sh('ip route del 127.0.0.1/32; ip addr add 127.0.0.1/8 dev lo');
    });

    it("let no zone at the host's own loopback services", async () => {
      await host.call('serve', { host: '127.0.0.1', port: 7777 });
      b.peer.sh(`sysctl -qw net.ipv4.conf.eth0.route_localnet=1; ip addr del 127.0.0.1/8 dev lo
        ip route add 127.0.0.1/32 via ${network.gateway4} src ${b.lease.ipv4}`);
      expect(await b.peer.call('ask', { host: '127.0.0.1', port: 7777, waitMs: 700 })).to.equal('silence');
      b.peer.sh('ip route del 127.0.0.1/32; ip addr add 127.0.0.1/8 dev lo');
    });

    it('on all addresses answer outsiders, and the zone sees who asks', async () => {
      expect(await outside.call('ask', { host: host4, port: 8081 })).to.equal(outside4);
      expect(await outside.call('ask', { host: host6, port: 8081 })).to.equal(outside6);
      expect(await host.call('ask', { host: host4, port: 8081 })).to.equal(host4);
      expect(await host.call('ask', { host: '127.0.0.1', port: 8081 })).to.equal(network.gateway4);
    });

    it('answer other zones of the network, and the zone itself', async () => {
      expect(await b.peer.call('ask', { host: host4, port: 8081 })).to.equal(network.gateway4);
      expect(await b.peer.call('ask', { host: host6, port: 8081 })).to.equal(network.gateway6);
      // With br_netfilter the bridge itself would have to send the frame back to where it came from.
      host.sh('sysctl -eqw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0');
      expect(await a.peer.call('ask', { host: host4, port: 8081 })).to.equal(network.gateway4);
    });

    it('on ::1 refuse at once: nothing leaves from there', async () => {
      expect(await host.call('ask', { host: '::1', port: 8081 })).to.equal('ECONNREFUSED');
    });

    it('are refused if another zone that is starting has them, and stay that one’s', async () => {
      await host.call('beginStart', roots, 'a');
      for (const wanted of [port({}), port({ hostPort: 8081 }), port({ hostAddress: '0.0.0.0', hostPort: 8080 })]) {
        const { plan } = await planFor('b', [wanted]);
        const [op] = plan.prepare.slice(-1);
        if (op === undefined) throw new Error('no op');
        expect(await code(host.call('apply', op)), JSON.stringify(wanted)).to.equal('PORT_IN_USE');
        await host.call('undo', op);
        for (const exit of plan.exit) expect(await code(host.call('send', [exit]))).to.equal('KERNEL_STEP_FAILED');
      }
      expect(await host.call('ask', { host: '127.0.0.1', port: 8080 })).to.equal(network.gateway4);
    });

    it('are refused if a program of the host listens there', async () => {
      const { plan } = await planFor('b', [port({ hostPort: 7777 })]);
      const [op] = plan.prepare.slice(-1);
      if (op !== undefined) expect(await code(host.call('apply', op))).to.equal('PORT_IN_USE');
    });

    it('are taken over from a zone that neither runs nor starts', async () => {
      await host.call('endStart', roots, 'a');
      const { plan } = await planFor('b', [port({ hostPort: 8080 })]);
      const [op] = plan.prepare.slice(-1);
      if (op === undefined) throw new Error('no op');
      await host.call('apply', op);
      expect((await host.call('publishedPorts', roots)).find((one) => one.hostPort === 8080)).to.include({
        zoneAddress: b.lease.ipv4,
      });
      await host.call('undo', op);
      const again = a.plan.prepare.find((one) => one.op === 'net.port');
      if (again !== undefined) await host.call('apply', again);
    });

    it('applied twice are there once', async () => {
      for (const op of a.plan.prepare) await host.call('apply', op);
      expect(await host.call('publishedPorts', roots)).to.have.length(4);
    });
  });

  describe('are kept', () => {
    it('come back whole when a firewall reload has flushed their table', async () => {
      const old = host.sh(`nft list table inet tszone_${instance}`);
      host.sh('nft flush ruleset');
      for (const op of a.plan.prepare) await host.call('apply', op);
      expect(host.sh(`nft list table inet tszone_${instance}`)).to.equal(old);
    });

    it('say which other firewall drops forwarded packets', async () => {
      expect(await host.call('foreignForwardDrops')).to.deep.equal([]);
      host.sh(
        "nft add table ip other; nft add chain ip other tofu '{ type filter hook forward priority 0; policy drop; }'",
      );
      expect(await host.call('foreignForwardDrops')).to.deep.equal(['nft other tofu']);
      host.sh('nft delete table ip other');
    });

    it('cannot be deleted while zones have addresses', async () => {
      expect(await code(host.call('deleteNetwork', roots, 'default'))).to.equal('NETWORK_IN_USE');
    });

    it('undo a veth by its name and address only', async () => {
      const [link] = b.plan.attach;
      if (link === undefined) throw new Error('no veth');
      const op = { ...link, pid: b.peer.pid };
      await host.call('undo', { ...op, hostMac: '02:00:00:00:00:00' });
      expect(host.sh('ip -br link')).to.include(op.hostName);
      await host.call('undo', op);
      expect(host.sh('ip -br link')).to.not.include(op.hostName);
      await host.call('undo', op);
    });

    it('two on one host do not reach each other', async () => {
      const lab = await host.call('createNetwork', roots, { name: 'lab', ip4: '172.30.5.0/24', ip6: 'none' });
      expect(lab).to.include({ gateway4: '172.30.5.1' }).and.not.have.property('range6');
      expect(await code(host.call('createNetwork', roots, { name: 'lab' }))).to.equal('NETWORK_EXISTS');
      expect(await code(host.call('createNetwork', roots, { name: 'x', ip4: '172.30.0.0/16' }))).to.equal(
        'NETWORK_ADDRESS_IN_USE',
      );
      const peer = await NetPeer.start();
      started.push(peer);
      const lease = await host.call('leaseAddresses', roots, 'lab', 'c');
      const plan = planZoneNetwork({
        roots,
        interfaces: [{ network: lab, lease, vethName: allocateVethName(instance), hostMac: randomMac() }],
        ports: [],
      });
      for (const op of [...plan.prepare, ...plan.attach.map((op) => ({ ...op, pid: peer.pid }))])
        await host.call('apply', op);
      await peer.call('send', plan.enter);
      expect(await peer.call('ask', { host: outside4, port: 80 })).to.equal(host4);
      expect(await peer.call('ask', { host: a.lease.ipv4, port: 80, waitMs: 700 })).to.equal('silence');
      await peer[Symbol.asyncDispose]();
      await host.call('releaseAddresses', roots, 'c');
      await host.call('deleteNetwork', roots, 'lab');
      expect(await a.peer.call('ask', { host: outside4, port: 80 })).to.equal(host4);
    });

    it('of two roots do not disturb each other, and leave nothing when the last one is deleted', async () => {
      const other = { root: join(roots.root, 'other'), runRoot: join(roots.root, 'other-run'), instance: 'def456' };
      const theirs = await host.call('ensureNetwork', other, 'default');
      expect(theirs.range4).to.not.equal(network.range4);
      for (const op of planNetwork(other, theirs)) await host.call('apply', op);

      await host.call('removeZonePorts', roots, 'a');
      expect(await host.call('publishedPorts', roots)).to.deep.equal([]);
      for (const zone of [a, b]) {
        await zone.peer[Symbol.asyncDispose]();
        await host.call('releaseAddresses', roots, zone.name);
      }
      await host.call('deleteNetwork', roots, 'default');
      expect(host.sh('cat /proc/sys/net/ipv4/conf/up0/forwarding')).to.equal('1\n');
      expect(host.sh('nft list set inet tszone_def456 opened4')).to.include('up0');
      await host.call('deleteNetwork', other, 'default');
      await eventually('the kernel has taken the zones’ links away, and all is as it was', () => {
        expect(fingerprint(host)).to.equal(pristine);
        return true;
      });
    });

    it('that come back find forwarding switched on again', async () => {
      for (let turn = 0; turn < 2; turn += 1) {
        const again = await host.call('ensureNetwork', roots, 'default');
        const start = planNetwork(roots, again);
        for (const op of [...start, ...start]) await host.call('apply', op);
        expect(host.sh('cat /proc/sys/net/ipv4/conf/up0/forwarding')).to.equal('1\n');
        await host.call('deleteNetwork', roots, 'default');
        expect(host.sh('cat /proc/sys/net/ipv4/conf/up0/forwarding')).to.equal('0\n');
      }
    });
  });
});
