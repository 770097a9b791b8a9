/** A zone's root with a raw socket: it sends under no name but its own, and hears nobody else. Each wall is taken down once, too. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import {
  advertisement,
  arp,
  destinationOptions,
  etherTypes,
  type Frame,
  frame,
  icmpv6,
  ipv4,
  ipv6,
  linkLocal,
  listenerQuery,
  mark,
  protocols,
  redirect,
  routerAdvertisement,
  solicitation,
  udp,
} from '../helpers/link-frames.js';
import { type Endpoint, has, lastFrame, listen, send } from '../helpers/link-wire.js';
import { eventually } from '../helpers/patience.js';
import { sh } from '../helpers/temp-host.js';

interface Cast {
  readonly hostile: Endpoint;
  readonly victim: Endpoint;
  readonly third: Endpoint;
  readonly gateway: Omit<Endpoint, 'zone'>;
}

const strange = '02:13:37:13:37:13';
const broadcast = 'ff:ff:ff:ff:ff:ff';

/** All from the hostile zone to the victim, under its own MAC, if nothing else is said. */
function makers({ hostile, victim }: Cast) {
  const to = victim.mac;
  const from = hostile.mac;
  return {
    ip: (what: string, source: string, payload = udp(1000, 2000), protocol: number = protocols.udp) =>
      frame(what, {
        to,
        from,
        type: etherTypes.ipv4,
        payload: ipv4({ from: source, to: victim.ipv4, protocol, payload }),
      }),
    ip6: (what: string, source: string, payload = udp(1000, 2000), protocol: number = protocols.udp) =>
      frame(what, {
        to,
        from,
        type: etherTypes.ipv6,
        payload: ipv6({ from: source, to: victim.ipv6, protocol, payload }),
      }),
    icmp: (what: string, message: Buffer, source = hostile.ipv6, before: (typeof destinationOptions)[] = []) =>
      frame(what, { to, from, type: etherTypes.ipv6, payload: icmpv6(source, victim.ipv6, message, before) }),
    arp: (what: string, operation: 'request' | 'reply', mac: string, ip: string) =>
      frame(what, { to, from, type: etherTypes.arp, payload: arp({ operation, mac, ip, targetIp: victim.ipv4 }) }),
  };
}

function honest(cast: Cast): Frame[] {
  const { hostile, victim } = cast;
  const { ip, ip6, icmp, arp: ask } = makers(cast);
  const { mac } = hostile;
  return [
    ip('IPv4 from its address', hostile.ipv4),
    ip6('IPv6 from its address', hostile.ipv6),
    ip6('IPv6 from its link-local address', linkLocal(mac)),
    ask('an ARP request', 'request', mac, hostile.ipv4),
    ask('an ARP reply', 'reply', mac, hostile.ipv4),
    icmp('a solicitation', solicitation({ target: victim.ipv6, mac })),
    icmp('an advertisement of its address', advertisement({ target: hostile.ipv6, mac })),
    icmp('one without an option', advertisement({ target: hostile.ipv6 })),
    icmp('an echo request', Buffer.concat([Buffer.from([128, 0, 0, 0]), mark()])),
  ];
}

/** What the port itself stops. */
function underOtherMac(cast: Cast): Frame[] {
  const { hostile, victim, third, gateway } = cast;
  const packet = () => ipv4({ from: hostile.ipv4, to: victim.ipv4, protocol: protocols.udp, payload: udp(1000, 2000) });
  const other = (what: string, from: string) =>
    frame(what, { to: victim.mac, from, type: etherTypes.ipv4, payload: packet() });
  return [
    other('from a MAC that nobody has', strange),
    other('from the MAC of another zone', third.mac),
    other('from the MAC of the gateway', gateway.mac),
    frame('an ARP reply from the MAC of another zone, for its address', {
      to: victim.mac,
      from: third.mac,
      type: etherTypes.arp,
      payload: arp({ operation: 'reply', mac: third.mac, ip: third.ipv4, targetIp: victim.ipv4 }),
    }),
  ];
}

/** What the table stops. */
function forged(cast: Cast): Frame[] {
  const { hostile, victim, third, gateway } = cast;
  const { ip, ip6, icmp, arp: say } = makers(cast);
  const { mac } = hostile;
  const ownLinkLocal = linkLocal(mac);
  const advertise = () => routerAdvertisement(mac);
  const own4 = () => ipv4({ from: hostile.ipv4, to: victim.ipv4, protocol: protocols.udp, payload: udp(1000, 2000) });
  const tagged = (what: string, ...tags: number[]) =>
    frame(what, { to: victim.mac, from: mac, type: etherTypes.ipv4, tags, payload: own4() });
  const kind = (what: string, type: number, to = victim.mac) => frame(what, { to, from: mac, type, payload: mark() });
  return [
    ip('IPv4 from the address of another zone', third.ipv4),
    ip('IPv4 from the address of the gateway', gateway.ipv4),
    ip('IPv4 from an address outside', '198.51.100.7'),
    ip('IPv4 from no address', '0.0.0.0'),
    ip6('IPv6 from the address of another zone', third.ipv6),
    ip6('IPv6 from the link-local address of another zone', linkLocal(third.mac)),
    ip6('IPv6 from the address of the gateway', gateway.ipv6),
    ip6('IPv6 from no address', '::'),
    say('an ARP reply that the gateway is here', 'reply', mac, gateway.ipv4),
    say('an ARP request that says the gateway is here', 'request', mac, gateway.ipv4),
    say('an ARP reply that another zone is here', 'reply', mac, third.ipv4),
    say('an ARP reply that it is at another MAC', 'reply', third.mac, hostile.ipv4),
    icmp('an advertisement that the gateway is here', advertisement({ target: gateway.ipv6, mac })),
    icmp('one that another zone is here', advertisement({ target: third.ipv6, mac })),
    icmp('one that it is at another MAC', advertisement({ target: hostile.ipv6, mac: third.mac })),
    icmp('one for another zone, without an option', advertisement({ target: third.ipv6 })),
    icmp('an advertisement behind another header', advertisement({ target: gateway.ipv6, mac }), hostile.ipv6, [
      destinationOptions,
    ]),
    icmp('a solicitation that says it is at another MAC', solicitation({ target: victim.ipv6, mac: third.mac })),
    icmp('a solicitation from the gateway', solicitation({ target: victim.ipv6, mac }), gateway.ipv6),
    icmp('a solicitation from no address', solicitation({ target: victim.ipv6 }), '::'),
    icmp('a router advertisement', advertise(), ownLinkLocal),
    icmp('a router advertisement behind another header', advertise(), ownLinkLocal, [destinationOptions]),
    icmp('a redirect', redirect(gateway.ipv6, '2001:db8::1'), ownLinkLocal),
    icmp('a query for multicast listeners', listenerQuery(), ownLinkLocal),
    ip('an IGMP query', hostile.ipv4, Buffer.concat([Buffer.from([0x11, 0, 0, 0]), mark()]), protocols.igmp),
    ip('an answer of a DHCP server', hostile.ipv4, udp(67, 68)),
    ip6('an answer of a DHCPv6 server', ownLinkLocal, udp(547, 546)),
    ip6(
      'one whose UDP header is in a later fragment',
      ownLinkLocal,
      Buffer.concat([
        Buffer.from([protocols.destinationOptions, 0, 0, 1, ...mark().subarray(2)]),
        Buffer.from([protocols.udp, 0, 1, 4, 0, 0, 0, 0]),
      ]),
      protocols.fragment,
    ),
    tagged('a frame with a VLAN tag', etherTypes.dot1q),
    tagged('a frame with two', etherTypes.dot1ad, etherTypes.dot1q),
    kind('a frame of another protocol', 0x88b5),
    kind('an LLDP frame', 0x88cc, '01:80:c2:00:00:0e'),
    kind('a spanning-tree frame', 0x0027, '01:80:c2:00:00:00'),
  ];
}

const nobody = {
  mac: strange,
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::2',
  zone: undefined as unknown as Zone,
};
const names = (make: (cast: Cast) => Frame[]) =>
  make({ hostile: nobody, victim: nobody, third: nobody, gateway: nobody }).map(({ what }) => what);

describe('a hostile zone on a network', () => {
  let cast: Cast;
  let table: string;
  let hostilePort: string;
  const heard = { guarded: [] as string[], open: [] as string[], unlocked: [] as string[] };
  const sent = { honest: [] as Frame[], forged: [] as Frame[], underOtherMac: [] as Frame[] };
  const neighbours = { guarded: '', open: '' };
  const routes = { guarded: '', open: '' };

  const given = givenHost({ images: ['busybox'], needs: ['nft', 'ip', 'ipv6'] }, async (host) => {
    table = `tszone_${await host.prepare()}`;
    const run = (name: string) => host.run({ name, image: 'sparse', command: ['sleep', '1000'] });
    const [hostile, victim, third] = [
      await endpoint(await run('hostile')),
      await endpoint(await run('victim')),
      await endpoint(await run('third')),
    ];
    cast = { hostile, victim, third, gateway: await gatewayOf(victim) };
    hostilePort = await portOf(hostile);
  });

  async function endpoint(zone: Zone): Promise<Endpoint> {
    const [v4 = '', v6 = ''] = (await zone.inspect()).addresses;
    return { zone, mac: await sh(zone, 'cat /sys/class/net/eth0/address'), ipv4: v4, ipv6: v6 };
  }

  async function gatewayOf({ zone, ipv4: v4, ipv6: v6 }: Endpoint): Promise<Cast['gateway']> {
    const gateway4 = v4.replace(/\.\d+\.\d+$/, '.0.1');
    const gateway6 = v6.replace(/::.*$/, '::1');
    await sh(zone, `ping -c 1 -W 5 ${gateway4} && ping -6 -c 1 -W 5 ${gateway6}`);
    const seen = await sh(zone, `ip neigh show ${gateway4}`);
    return { mac: /lladdr (\S+)/.exec(seen)?.[1] ?? '', ipv4: gateway4, ipv6: gateway6 };
  }

  /** The host's end: its index, which the zone sees, is in its name. */
  async function portOf({ zone }: Endpoint): Promise<string> {
    const index = Number(await sh(zone, 'cat /sys/class/net/eth0/iflink'));
    return `${table.replace('tszone_', 'tz')}v${index.toString(36)}`;
  }

  const port = (settings: string) =>
    outputOf('ip', ['link', 'set', 'dev', hostilePort, 'type', 'bridge_slave', ...settings.split(' ')]);

  /** Everything that it has, once; what the victim got of it. */
  async function attack(): Promise<string[]> {
    const { hostile, victim } = cast;
    const last = lastFrame(hostile);
    const hearing = await listen(victim, last);
    await send(hostile, [...sent.honest, ...sent.underOtherMac, ...sent.forged, last]);
    return hearing.heard;
  }

  const neighboursOf = async ({ victim: { zone }, gateway }: Cast) =>
    `${await sh(zone, `ip neigh show ${gateway.ipv4}`)}\n${await sh(zone, `ip -6 neigh show ${gateway.ipv6}`)}`;
  const routesOf = ({ victim: { zone } }: Cast) => sh(zone, 'ip -6 route show default');

  before('the attack, with and without what holds it off', async () => {
    sent.honest = honest(cast);
    sent.forged = forged(cast);
    sent.underOtherMac = underOtherMac(cast);
    heard.guarded = await attack();
    neighbours.guarded = await neighboursOf(cast);
    routes.guarded = await routesOf(cast);
    await outputOf('nft', ['flush', 'chain', 'bridge', table, 'sources']);
    // Later than an entry that is fresh may be replaced.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    heard.open = await attack();
    neighbours.open = await neighboursOf(cast);
    routes.open = await routesOf(cast);
    await port('locked off');
    heard.unlocked = await attack();
    await port('locked on');
    await outputOf('nft', ['delete', 'table', 'bridge', table]);
    await cast.victim.zone.restart();
  });

  for (const [at, what] of names(honest).entries()) {
    it(`can send ${what}`, () => {
      expect(has(heard.guarded, sent.honest[at] as Frame)).to.equal(true);
    });
  }

  it('can send what has to be cut into fragments', async () => {
    const { hostile, victim } = cast;
    await sh(hostile.zone, `ping -c 1 -W 5 -s 4000 ${victim.ipv4} && ping -6 -c 1 -W 5 -s 4000 ${victim.ipv6}`);
  });

  for (const [at, what] of names(forged).entries()) {
    it(`cannot send ${what}`, () => {
      expect(has(heard.guarded, sent.forged[at] as Frame), 'with the table').to.equal(false);
      expect(has(heard.open, sent.forged[at] as Frame), 'without').to.equal(true);
    });
  }

  for (const [at, what] of names(underOtherMac).entries()) {
    it(`cannot send ${what}`, () => {
      expect(has(heard.guarded, sent.underOtherMac[at] as Frame), 'with table and lock').to.equal(false);
      expect(has(heard.open, sent.underOtherMac[at] as Frame), 'with the lock').to.equal(false);
      expect(has(heard.unlocked, sent.underOtherMac[at] as Frame), 'with neither').to.equal(true);
    });
  }

  it('changes nothing about who its neighbours take for the gateway', () => {
    expect(neighbours.guarded.match(/lladdr \S+/g)).to.deep.equal(Array(2).fill(`lladdr ${cast.gateway.mac}`));
    expect(neighbours.open).to.include(`lladdr ${cast.hostile.mac}`);
  });

  it('becomes nobody’s router', () => {
    expect(routes.guarded).not.to.include('fe80:');
    expect(routes.open).to.include(`via ${linkLocal(cast.hostile.mac)}`);
  });

  it('is held off again by the table that the next start has made', async () => {
    const [first] = sent.forged;
    const last = lastFrame(cast.hostile);
    const hearing = await listen(cast.victim, last);
    await send(cast.hostile, [...(first === undefined ? [] : [first]), ...sent.honest.slice(0, 1), last]);
    const all = await hearing.heard;
    expect(has(all, first as Frame)).to.equal(false);
    expect(has(all, sent.honest[0] as Frame)).to.equal(true);
  });

  describe('beside two that talk to each other', () => {
    /** One packet from the third to the victim; what the hostile one heard of it. */
    async function overheard(): Promise<boolean> {
      const { hostile, victim, third } = cast;
      const payload = ipv4({ from: third.ipv4, to: victim.ipv4, protocol: protocols.udp, payload: udp(1, 2) });
      const secret = frame('a secret', { to: victim.mac, from: third.mac, type: etherTypes.ipv4, payload });
      const last = lastFrame(third);
      const [hearing, arriving] = [await listen(hostile, last), await listen(victim, last)];
      await send(third, [secret, last]);
      expect(has(await arriving.heard, secret), 'it arrives').to.equal(true);
      return has(await hearing.heard, secret);
    }

    it('hears nothing of it', async () => {
      expect(await overheard()).to.equal(false);
    });

    it('hears nothing after filling the bridge’s table with addresses', async () => {
      const flood = Array.from({ length: 2000 }, (_, at) =>
        frame('one of many', {
          to: broadcast,
          from: `02:ff:00:00:${(at >> 8).toString(16).padStart(2, '0')}:${(at & 255).toString(16).padStart(2, '0')}`,
          type: etherTypes.ipv4,
          payload: Buffer.alloc(20),
        }),
      );
      const entries = async () => (await outputOf('bridge', ['fdb', 'show', 'dev', hostilePort])).split('\n');
      const before = await entries();
      // Before it listens: it hears what it sends itself, too, and so much of it that something else may be lost.
      await send(cast.hostile, flood);
      expect(await overheard()).to.equal(false);
      expect(await entries()).to.deep.equal(before);
    });

    it('hears it where the bridge does not know whose it is, and the port takes such frames', async () => {
      const victimPort = await portOf(cast.victim);
      const entry = ['fdb', 'del', cast.victim.mac, 'dev', victimPort, 'master'];
      await outputOf('bridge', entry);
      const set = (name: string, value: string) =>
        outputOf('ip', ['link', 'set', 'dev', name, 'type', 'bridge_slave', 'flood', value]);
      await set(victimPort, 'on');
      expect(await overheard(), 'unknown, but not sent here').to.equal(false);
      await set(hostilePort, 'on');
      expect(await overheard(), 'unknown, and sent everywhere').to.equal(true);
      await set(hostilePort, 'off');
      await cast.victim.zone.restart();
    });
  });

  describe('and the host', () => {
    /** Whether a datagram in a frame to a group of the link's own (01:80:c2:00:00:0e) reaches a program of the host. */
    async function reachesHost(): Promise<boolean> {
      const { hostile, gateway } = cast;
      const socket = createSocket('udp4');
      socket.bind(0, '0.0.0.0');
      await once(socket, 'listening');
      let heardIt = false;
      socket.on('message', (message) => {
        heardIt ||= message.includes('feedf0', 0, 'hex');
      });
      const payload = ipv4({
        from: '192.0.2.66',
        to: gateway.ipv4,
        protocol: protocols.udp,
        payload: udp(1000, socket.address().port),
      });
      await send(hostile, [
        frame('past the bridge', { to: '01:80:c2:00:00:0e', from: hostile.mac, type: etherTypes.ipv4, payload }),
      ]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      socket.close();
      return heardIt;
    }

    it('finds none of its abstract sockets', async () => {
      const name = `qq(\\0host-of-${process.pid})`;
      const serve = `use IO::Socket::UNIX; $| = 1; my $s = IO::Socket::UNIX->new(Local => ${name}, Listen => 1) or die; print 1; while (my $c = $s->accept) { print $c 'host' }`;
      const server = spawn('perl', ['-e', serve], { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(server.stdout, 'data');
      const ask = [
        '-e',
        `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new(Peer => ${name}) or die qq($!\\n); print <$s>`,
      ];
      expect(await outputOf('perl', ask), 'from the host').to.equal('host');
      const { exitCode, stderr } = await cast.hostile.zone.exec(['perl', ...ask]);
      expect([exitCode, stderr]).to.deep.equal([111, 'Connection refused\n']);
      server.kill();
      await once(server, 'exit');
    });

    it('is told of no link, address or neighbour but its own', async () => {
      const { zone } = cast.hostile;
      expect(await sh(zone, "ip -o link | sed 's/^[0-9]*: //; s/[@:].*//'")).to.equal('lo\neth0');
      const bridge = `${table.replace('tszone_', 'tz')}b0`;
      expect(await outputOf('ip', ['-o', 'link'])).to.include(`${bridge}:`);
      expect(await sh(zone, 'ip -d -o link; ip neigh show nud all; ip route show table all')).not.to.include(bridge);
    });

    it('does not get past the bridge by a frame for the link itself', async () => {
      expect(await reachesHost()).to.equal(false);
      await port('group_fwd_mask 0');
      await eventually('a port hands such frames to the host', reachesHost);
      await port('group_fwd_mask 0xfffd');
    });
  });

  describe('on another network', () => {
    it('reaches no zone by way of the gateway', async () => {
      const { host } = given;
      await host.ok(['network', 'create', 'far']);
      const far = await endpoint(
        await host.run({ name: 'far', image: 'sparse', net: 'bridge=far', command: ['sleep', '1000'] }),
      );
      const bridge = (await host.json<{ bridge: string }>(['network', 'inspect', 'far'])).bridge;
      const reach = async () => {
        const { hostile, gateway } = cast;
        const payload = ipv4({ from: hostile.ipv4, to: far.ipv4, protocol: protocols.udp, payload: udp(1, 2) });
        const probe = frame('a probe', { to: gateway.mac, from: hostile.mac, type: etherTypes.ipv4, payload });
        const last = lastFrame(far);
        const hearing = await listen(far, last);
        await send(hostile, [probe]);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await send(far, [last]);
        // The host has lowered the time to live, and written a new checksum.
        const tail = payload.subarray(20).toString('hex');
        return (await hearing.heard).some((hex) => hex.includes(tail));
      };
      expect(await reach()).to.equal(false);
      await outputOf('nft', ['delete', 'element', 'inet', table, 'bridges', `{ "${bridge}" }`]);
      await eventually('without the rule it does', reach);
      await far.zone.delete({ force: true });
      await host.ok(['network', 'delete', 'far']);
    });
  });
});
