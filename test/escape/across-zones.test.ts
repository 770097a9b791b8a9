/** Processes of another zone, and of the host: out of sight, and out of reach for who knows their pid. */
import { getPriority, setPriority } from 'node:os';
import { expect } from 'chai';
import type { Zone } from '../../src/index.js';
import {
  type Alter,
  both,
  hostsCapabilities,
  startAltered,
  withoutPidNamespace,
  withoutUserNamespace,
} from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

describe('A process of another zone or of the host is signalled, traced, and its root entered', () => {
  let victim: Zone;
  let pid = 0;
  let base = 0;
  const given = givenHost({ images: ['busybox'], needs: ['gcc'] }, async (host) => {
    victim = await host.run({ name: 'victim', image: 'busybox', net: 'none', command: ['sleep', '1000'] });
    const seen = await victim.inspect();
    pid = seen.pid ?? 0;
    base = seen.ids.base;
  });
  const attack = async (enter?: Alter) => {
    const spec = { name: 'reaches', image: 'busybox', mount: [await attackMount('reach')], ...hostsCapabilities };
    await using zone = await startAltered(given.host, spec, enter === undefined ? {} : { enter });
    const monitor = process.pid;
    return await sh(zone, `/attack/reach ${pid}; /attack/reach ${monitor}`);
  };
  // Among what it tries on this process is its priority.
  const priority = getPriority();
  afterEach(() => getPriority() !== priority && setPriority(priority));
  const withItsIds: Alter = (ops) =>
    ops.map((op) => (op.op === 'ns.uidmap' || op.op === 'ns.gidmap' ? { ...op, outside: String(base) } : op));

  it('nothing is reached by its pid', async () => {
    expect(await attack()).to.equal('done\ndone');
  });

  it('nothing but a pidfd is had without "pid" in ns.flags: ids and capabilities are of the own zone', async () => {
    expect(await attack(withoutPidNamespace)).to.equal('reached by pidfd\ndone\nreached by pidfd\ndone');
  });

  it('gets through without "pid" in ns.flags, and ns.uidmap of the other zone', async () => {
    const said = await attack(both(withoutPidNamespace, withItsIds));
    expect(said).to.match(/^reached by kill$/m);
  });

  it('gets through without "pid" and "user" in ns.flags', async () => {
    const said = await attack(both(withoutPidNamespace, withoutUserNamespace));
    expect(said)
      .to.match(/^reached by root\/etc$/m)
      .and.match(/^reached by trace$/m)
      .and.match(/^reached by memory$|^reached by mem$/m);
  });
});
