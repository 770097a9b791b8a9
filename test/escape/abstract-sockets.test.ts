/** Abstract sockets are of a network namespace, and not of a mount namespace (CVE-2020-15257). */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { startAltered, withoutWord } from '../helpers/altered-zone.js';
import { attackMount, attackProgram } from '../helpers/attack-programs.js';
import { startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';

describe('CVE-2020-15257: an abstract socket of the host', () => {
  const name = `tszone-escape-${process.pid}`;
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  const connectFrom = async (enter?: Parameters<typeof startAltered>[2]) => {
    const server = startProgram(await attackProgram('abstract'), [name, 'listen']);
    try {
      await server.seen(/listens/);
      const mount = [await attackMount('abstract')];
      await using zone = await startAltered(
        given.host,
        { name: 'calls', image: 'busybox', mount, capAdd: ['ALL'] },
        enter,
      );
      return (await zone.exec(['/attack/abstract', name])).stdout.trim();
    } finally {
      server.process.kill('SIGKILL');
      await server.ended;
    }
  };

  it('is out of reach', async () => {
    expect(await connectFrom()).to.equal('');
  });

  it('gets through without "net" in ns.unshare', async () => {
    const withHostNetwork = withoutWord('ns.unshare', 'flags', 'net');
    // What cannot be mounted or set in the host's network is left out, too.
    const enter = (ops: Parameters<typeof withHostNetwork>[0]) =>
      withHostNetwork(ops).filter(
        (op) =>
          op.op !== 'nl.send' &&
          !((op.op === 'mnt.mask' || op.op === 'mnt.readonly') && op.path.startsWith('/sys')) &&
          !(op.op === 'mnt.fs' && (op.type === 'sysfs' || op.target.startsWith('/sys'))) &&
          !(op.op === 'symlink' && op.path.startsWith('/sys')),
      );
    expect(await connectFrom({ enter })).to.equal('connected');
  });

  it('is nothing that tszone itself has', async () => {
    await using _zone = await startAltered(given.host, { name: 'plain', image: 'busybox' });
    const sockets = await readFile('/proc/net/unix', 'utf8');
    expect(sockets).to.include('monitor.sock');
    // But for this test's own, in whatever run.
    expect(sockets.replaceAll(/ @tszone-escape-\d+$/gm, '')).not.to.match(/ @.*tszone/);
  });
});
