/** How zones reach one another, the host, and are reached. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { takePort, takeRange } from '../helpers/ports.js';
import { sh } from '../helpers/temp-host.js';

/** What a TCP server says to whoever connects, or the error's code. */
async function hear(host: string, port: number): Promise<string> {
  const socket = connect({ host, port });
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  try {
    await once(socket, 'close');
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
  return text.trim();
}

async function greeter(address: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.end(`hello ${socket.remoteAddress?.replace('::ffff:', '')}\n`));
  server.listen(0, address);
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

const serve = (port: number, text: string) => ['sh', '-c', `while :; do echo ${text} | nc -l -p ${port}; done`];

describe('two zones on the default network', () => {
  let web: Zone;
  let other: Zone;
  let webAddresses: readonly string[];
  let otherAddresses: readonly string[];
  let free: number;
  let freeUdp: number;
  let freeLater: number;
  const given = givenHost({ images: ['busybox'] }, async (host) => {
    [free, freeUdp, freeLater] = [await takePort(), await takePort(), await takePort()];
    web = await host.run({
      name: 'web',
      image: 'busybox',
      port: [`${free}:80`],
      command: serve(80, 'web'),
    });
    other = await host.run({ name: 'other', image: 'busybox' });
    webAddresses = (await web.inspect()).addresses;
    otherAddresses = (await other.inspect()).addresses;
  });

  it('have one eth0 each, with the address and the route that inspect names', async () => {
    expect(await sh(web, 'ls /sys/class/net')).to.equal('eth0\nlo');
    expect(await sh(web, 'ip -o -4 addr show eth0')).to.include(` ${webAddresses[0]}/16 `);
    expect(await sh(web, 'ip route show default')).to.match(/^default via 10\.\d+\.0\.1 dev eth0/);
    expect(await sh(web, 'ip -o link show lo')).to.match(/LOOPBACK,UP/);
    expect(webAddresses[0]).not.to.equal(otherAddresses[0]);
  });

  it('ping each other and the host by address', async () => {
    await sh(other, `ping -c 1 -W 5 ${webAddresses[0]}`);
    await sh(web, `ping -c 1 -W 5 ${otherAddresses[0]}`);
    const gateway = (await sh(web, 'ip route show default')).split(' ')[2];
    await sh(web, `ping -c 1 -W 5 ${gateway}`);
    await outputOf('ping', ['-c', '1', '-W', '5', webAddresses[0] ?? '']);
  });

  it('talk TCP to each other', async () => {
    // It may have accepted before there is anything to say.
    await eventually(
      'web answers',
      async () => (await sh(other, `nc -w 5 ${webAddresses[0]} 80 < /dev/null`)) === 'web',
    );
  });

  it('an address that is handed on is found at the zone that has it now', async () => {
    const addresses = [];
    for (let turn = 0; turn < 2; turn += 1) {
      await using zone = await given.host.run({ image: 'busybox' });
      const [address = ''] = (await zone.inspect()).addresses;
      addresses.push(address);
      await outputOf('ping', ['-c', '3', '-W', '2', address]);
    }
    expect(addresses[1]).to.equal(addresses[0]);
  });

  it('ping and talk over IPv6, too', async () => {
    const [, v6] = webAddresses;
    if (v6 === undefined) return;
    expect(v6).to.match(/^fd/);
    await sh(other, `ping -6 -c 1 -W 5 ${v6}`);
    expect(await sh(other, 'ip -6 route show default')).to.match(/^default via fd/);
    // It may have accepted before there is anything to say.
    await eventually('web answers', async () => (await sh(other, `nc -w 5 ${v6} 80 < /dev/null`)) === 'web');
  });

  it('reach a server of the host, which sees their own address on the bridge', async () => {
    const gateway = (await sh(web, 'ip route show default')).split(' ')[2] ?? '';
    const { server, port } = await greeter('0.0.0.0');
    expect(await sh(web, `nc -w 5 ${gateway} ${port} < /dev/null`)).to.equal(`hello ${webAddresses[0]}`);
    server.close();
  });

  it('reach what the host reaches: its other addresses', async () => {
    // Of its way out, if it has one: other links may be another test's, and gone in a moment.
    const [, out] = /^default .*\bdev (\S+)/m.exec(await outputOf('ip', ['-4', 'route', 'show', 'default'])) ?? [];
    const [address] = Object.entries(networkInterfaces())
      .filter(([name]) => (out === undefined ? !/^(lo$|tz)/.test(name) : name === out))
      .flatMap(([, list]) => list ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map((one) => one.address);
    if (address === undefined) return;
    const { server, port } = await greeter('0.0.0.0');
    expect(await sh(web, `nc -w 5 ${address} ${port} < /dev/null`)).to.match(/^hello /);
    server.close();
  });

  it('are reached from the host by their address', async () => {
    await eventually('web answers', async () => (await hear(webAddresses[0] ?? '', 80)) === 'web');
  });

  it('are reached through a published port, on 127.0.0.1', async () => {
    await eventually('web answers', async () => (await hear('127.0.0.1', free)) === 'web');
    expect(await sh(other, `nc -w 2 ${(await gatewayOf(other)) ?? ''} ${free} < /dev/null || echo refused`)).to.equal(
      'refused',
    );
  });

  it('publish on an address, and on all of them', async () => {
    const address = await gatewayOf(other);
    await given.host.ok(['port', 'add', 'web', `${address}:${freeLater}:80`]);
    await eventually('web answers', async () => (await hear(address, freeLater)) === 'web');
    expect(await hear('127.0.0.1', freeLater)).to.equal('ECONNREFUSED');
    await given.host.ok(['port', 'remove', 'web', `${address}:${freeLater}:80`]);
    expect(await hear(address, freeLater)).to.equal('ECONNREFUSED');
  });

  it('publish a UDP port', async () => {
    const echo =
      'use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 90, Proto => "udp") or die; while (1) { $s->recv(my $x, 99); $s->send("echo $x") }';
    const command = ['perl', '-e', echo];
    await using _zone = await given.host.run({ image: 'sparse', port: [`${freeUdp}:90/udp`], command });
    const { createSocket } = await import('node:dgram');
    const socket = createSocket('udp4');
    const heard = new Promise<string>((resolve) => {
      socket.once('message', (message) => resolve(message.toString()));
    });
    await eventually('it answers', async () => {
      socket.send('ping-udp', freeUdp, '127.0.0.1');
      return (
        (await Promise.race([heard, new Promise((resolve) => setTimeout(() => resolve(undefined), 100))])) !== undefined
      );
    });
    expect(await heard).to.equal('echo ping-udp');
    socket.close();
  });

  it('refuse a port that somebody has', async () => {
    const result = await given.host.cli(['-o', 'json', 'run', '-d', '--name', 'late', '-p', `${free}:80`, 'busybox']);
    expect(result.status).not.to.equal(0);
    expect(result.stderr).to.include('PORT_IN_USE');
    expect((await given.host.ok(['list', '-q'])).split('\n')).not.to.include('late');
  });

  it('keep their addresses and MAC over a restart', async () => {
    const look = async () => [(await other.inspect()).addresses, await sh(other, 'cat /sys/class/net/eth0/address')];
    const before = await look();
    await other.restart();
    expect(await look()).to.deep.equal(before);
    await sh(other, `ping -c 1 -W 5 ${webAddresses[0]}`);
  });

  it('know their names and where to ask for others', async () => {
    expect(await sh(web, 'cat /etc/hosts')).to.include(`${webAddresses[0]}\tweb`);
    const servers = await sh(web, "sed -n 's/^nameserver //p' /etc/resolv.conf");
    for (const server of servers.split('\n')) expect(server).not.to.match(/^(127\.|::1)/);
    await using own = await given.host.run({ image: 'busybox', dns: ['192.0.2.53'], dnsSearch: ['example.org'] });
    // The host's options hold for any server.
    expect(await sh(own, 'grep -v "^#\\|^options " /etc/resolv.conf')).to.equal(
      'nameserver 192.0.2.53\nsearch example.org',
    );
  });

  it('cannot take the address of another one, or listen to it', async () => {
    await sh(other, `ip addr add ${webAddresses[0]}/16 dev eth0; true`);
    await eventually('web still answers', async () => (await hear('127.0.0.1', free)) === 'web');
  });

  it('have one veth each on the bridge, and none when they are stopped', async () => {
    const { context } = await given.host.open();
    const veths = async () =>
      (await readdir('/sys/class/net')).filter((name) => name.startsWith(`tz${context.roots.instance}v`));
    await eventually('two veths', async () => (await veths()).length === 2);
    await other.stop();
    await eventually('one veth', async () => (await veths()).length === 1);
    await other.start();
    await eventually('two veths', async () => (await veths()).length === 2);
  });

  async function gatewayOf(zone: Zone): Promise<string> {
    return (await sh(zone, 'ip route show default')).split(' ')[2] ?? '';
  }
});

describe('a zone', () => {
  /** `198.18.200.` */
  let lab: string;
  const given = givenHost({ images: ['busybox'] }, async () => {
    lab = (await takeRange()).replace('0/24', '');
  });

  it('with --net none has loopback alone', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'none' });
    expect(await sh(zone, 'ls /sys/class/net; ip route')).to.equal('lo');
    await sh(zone, 'ping -c 1 -W 5 127.0.0.1');
  });

  it('with --net host has the interfaces of the host, and cannot change them', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: 'host' });
    // Those of others come and go.
    const before = await readdir('/sys/class/net');
    const names = (await sh(zone, 'ls /sys/class/net')).split('\n');
    const after = await readdir('/sys/class/net');
    expect(names).to.include.members(['lo', ...before.filter((name) => after.includes(name))]);
    expect((await zone.exec(['ip', 'link', 'set', 'lo', 'down'])).exitCode).not.to.equal(0);
    const { server, port } = await greeter('127.0.0.1');
    expect(await sh(zone, `nc -w 5 127.0.0.1 ${port} < /dev/null`)).to.equal('hello 127.0.0.1');
    server.close();
  });

  it('with --ip has that address, and nobody else gets it', async () => {
    await given.host.ok(['network', 'create', 'lab', '--ip4', `${lab}0/24`, '--ip6', 'none']);
    await using zone = await given.host.run({ name: 'fixed', image: 'busybox', net: `bridge=lab,ip=${lab}9` });
    expect(await sh(zone, 'ip -o -4 addr show eth0')).to.include(` ${lab}9/24 `);
    const result = await given.host.cli(['run', '-d', '--net', `bridge=lab,ip=${lab}9`, 'busybox']);
    expect(result.status).not.to.equal(0);
    expect(result.stderr).to.include(`${lab}9`);
  });

  it('with two interfaces is on both networks', async () => {
    await using zone = await given.host.run({ image: 'busybox', net: ['bridge=default', 'bridge=lab,name=lab0'] });
    expect(await sh(zone, 'ls /sys/class/net')).to.equal('eth0\nlab0\nlo');
    expect(await sh(zone, 'ip -o -4 addr show lab0'))
      .to.match(/\/24 /)
      .and.include(` ${lab}`);
  });
});
