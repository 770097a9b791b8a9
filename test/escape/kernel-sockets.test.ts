/** Sockets that reach the kernel, or what is below it: they know other namespaces than the zone's, or none. */
import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import {
  type Altered,
  hostsCapabilities,
  startAltered,
  without,
  withoutUserNamespace,
} from '../helpers/altered-zone.js';
import { attackMount, attackProgram } from '../helpers/attack-programs.js';
import { runProgram, startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

describe('A vsock, which leads to the hypervisor from any namespace', () => {
  before(requires('vsock'));
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  const openIn = async (altered?: Altered) => {
    const mount = [await attackMount('sockets')];
    await using zone = await startAltered(
      given.host,
      { name: 'calls', image: 'busybox', mount, capAdd: ['ALL'] },
      altered,
    );
    return (await zone.exec(['/attack/sockets', 'vsock'])).stdout;
  };

  it('is not to be had', async () => {
    expect((await runProgram(await attackProgram('sockets'), ['vsock'])).stdout, 'on the host').to.equal('open\n');
    expect(await openIn()).to.equal('');
  });

  it('gets through without seccomp.load', async () => {
    expect(await openIn({ enter: without('seccomp.load') })).to.equal('open\n');
  });
});

describe('Netlink: what the kernel tells of the host’s devices', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] });
  /** What udev writes to hear once more of a device that is there: until it is heard, as a listener may have lost one among many others. */
  const told = (isHeard: () => boolean | Promise<boolean>) =>
    eventually('it is heard', async () => {
      await writeFile('/sys/class/mem/null/uevent', 'change');
      return await isHeard();
    });
  /** @returns what the zone says, once the host has heard it */
  const heardIn = async (zone: Zone) => {
    const said = async () => (await zone.exec(['cat', '/tmp/said'])).stdout;
    await zone.exec(['sh', '-c', '/attack/sockets uevents > /tmp/said 2>&1 &']);
    await eventually('it listens', async () => (await said()).includes('listens'));
    const onHost = startProgram(await attackProgram('sockets'), ['uevents']);
    await onHost.seen(/listens/);
    await told(() => onHost.stdout().includes('heard'));
    await onHost.ended;
    return said;
  };

  it('is told to nobody in a zone', async () => {
    const mount = [await attackMount('sockets')];
    await using zone = await startAltered(given.host, { name: 'ears', image: 'busybox', mount, capAdd: ['ALL'] });
    expect(await (await heardIn(zone))()).to.not.include('heard');
  });

  it('gets through without "user" in ns.flags', async () => {
    const mount = [await attackMount('sockets')];
    const spec = { name: 'ears', image: 'busybox', mount, ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, { enter: withoutUserNamespace });
    const said = await heardIn(zone);
    await told(async () => (await said()).includes('heard'));
  });
});
