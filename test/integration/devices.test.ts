/** Devices: a zone can make no node, and open none but those that every zone has, or that it was given. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { programOp } from '../../src/cgroups/device-list.js';
import { zoneGroups } from '../../src/cgroups/index.js';
import { spawnSession } from '../../src/helper/index.js';
import type { CgroupLayout } from '../../src/host/index.js';
import type { Host, Zone } from '../../src/index.js';
import type { DeviceNodesOp } from '../../src/namespaces/index.js';
import { dryRunSet } from '../../src/operations/dry-run-change.js';
import { changeOf } from '../../src/operations/set-zone.js';
import { planDeviceChange, recordDevices, resolveDevices } from '../../src/operations/zone-devices.js';
import { requireRunning } from '../../src/operations/zone-ref.js';
import { applyHostOp, undoHostOp } from '../../src/plan/index.js';
import { readRunning, readZone, zonePaths } from '../../src/state/index.js';
import { givenHost } from '../helpers/given.js';
import { devicePrograms, isLoaded } from '../helpers/group-programs.js';
import { groupOfProcess } from '../helpers/observe.js';
import { type OwnLoop, ownLoop } from '../helpers/own-loop.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';
import { expectNothingLeft } from '../helpers/snapshot.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

/** The unified hierarchy of this machine, if it can be written. */
const unified = readMounts('cgroup2')[0];

function readMounts(type: string): string[] {
  const lines = execFileSync('cat', ['/proc/self/mountinfo'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.includes(` - ${type} `)).map((line) => line.split(' ')[4] ?? '');
}

type Version = 'v1' | 'v2';

/** A hybrid machine can hold devices in either way: as it does, or as it would without the v1 controller. */
function versions(): Version[] {
  const v1 = readMounts('cgroup').some((path) => existsSync(`${path}/devices.allow`));
  return [...(v1 ? (['v1'] as const) : []), ...(unified === undefined ? [] : (['v2'] as const))];
}

function useVersion(host: Host, version: Version): void {
  const { facts } = host.context;
  if (version === 'v1' || facts.cgroup.controllers.devices?.version === 2 || unified === undefined) return;
  const controllers = { ...facts.cgroup.controllers, devices: { version: 2, mount: unified } as const };
  const cgroup: CgroupLayout = { ...facts.cgroup, unified, base: unified, controllers };
  Object.assign(host.context, { facts: { ...facts, cgroup } });
}

/** Whether an open of this kind works in the zone, as its root: nothing, or why not. */
async function tryOpen(zone: Zone, path: string, how: '<' | '>>'): Promise<string> {
  const { stderr } = await zone.exec(['sh', '-c', `true ${how} ${path}`]);
  return stderr.trim().replace(/^.*: /, '');
}

/** As the shells of images say that there is nothing. */
const absent = /no such file|nonexistent/i;
const fuse = '/dev/fuse';
const failure = async (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail('accepted'),
    (error: unknown) => error as Error & { code: string; hint?: string },
  );

describe('devices of a zone', () => {
  let zone: Zone;
  let temp: TempHost;
  /** The node is that of zero, which the v1 controller allows: what holds here holds without a controller. */
  givenHost({ images: ['busybox'] }, async (host) => {
    const shared = await host.file('shared');
    execFileSync('mknod', ['-m', '666', `${shared}/zero`, 'c', '1', '5']);
    temp = host;
    zone = await host.run({ name: 'devices', image: 'busybox', net: 'none', mount: [`${shared}:/shared`] });
  });
  const run = async (script: string) => {
    const { exitCode, stderr } = await zone.exec(['sh', '-c', script]);
    return { exitCode, stderr };
  };

  it('can be used where they were bound', async () => {
    for (const name of ['null', 'zero', 'full', 'random', 'urandom'])
      expect(await tryOpen(zone, `/dev/${name}`, '<'), name).to.equal('');
    expect(await run('head -c 1 /dev/zero && echo x > /dev/null')).to.include({ exitCode: 0 });
  });

  it('cannot be made', async () => {
    for (const place of ['/', '/dev', '/shared', '/dev/shm'])
      for (const node of ['c 1 5', 'c 1 1', 'b 7 0', 'c 5 1'])
        expect((await run(`mknod ${place}/new ${node}`)).stderr, `${place} ${node}`).to.match(/not permitted/);
  });

  it('are no fifos, sockets and whiteouts, which can be made and removed', async () => {
    expect(await run('cd /dev/shm && mknod f p && mknod w c 0 0 && rm f w')).to.include({ exitCode: 0, stderr: '' });
    expect(await run('rm /etc/profile && ! test -e /etc/profile'), 'of a lower layer').to.include({ exitCode: 0 });
  });

  it('of the host are warned of where they are disks, and a mistake has its exit status', async function () {
    requires('host-devices').call(this);
    const set = await temp.cli(['set', 'devices', '--device', '/dev/loop0:rm']);
    expect(set).to.include({ status: 0 });
    expect(set.stderr).to.match(/note: \/dev\/loop0 is a disk: the zone's root reads what lies on it/);
    expect(set.stderr).to.match(/note: the kernel refuses mknod .* "m" of \/dev\/loop0/);
    expect((await run('mknod /dev/new b 7 0')).stderr, 'with m as without').to.match(/not permitted/);
    expect(await temp.ok(['unset', 'devices', 'device', '--dry-run'])).to.match(
      /refuse b 7:0 rm .*\n.*take \/dev\/loop0 out/,
    );
    expect(await temp.ok(['unset', 'devices', 'device'])).to.match(/is changed/);
    for (const [device, status] of [
      ['/dev/no-such', 3],
      ['/dev/loop0:x', 2],
      ['/dev/null', 2],
    ] as const)
      expect(await temp.cli(['set', 'devices', '--device', device]), device).to.include({ status });
  });

  it('cannot be opened in a directory of the host, whose nodev cannot be taken off', async () => {
    expect((await run('head -c 1 /shared/zero')).stderr).to.match(/denied/);
    expect((await run('mount -o remount,bind,dev,suid /shared')).stderr).to.match(/denied|not permitted/);
    expect((await run('mount -o bind /shared /mnt && mount -o remount,bind,dev /mnt')).exitCode).to.not.equal(0);
    expect((await run('head -c 1 /shared/zero')).stderr).to.match(/denied/);
  });
});

for (const version of versions()) {
  describe(`devices of the host in a zone, held by ${version}`, () => {
    let host: Host;
    let zone: Zone;
    let disk: OwnLoop | undefined;
    const diskPath = () => disk?.path ?? expect.fail();
    const given = givenHost({ images: ['busybox'] }, async (made) => {
      host = await made.open();
      useVersion(host, version);
    });

    before('devices', function () {
      spawnSync('modprobe', ['-a', 'fuse', 'loop', 'tun'], { stdio: 'ignore' });
      requires('host-devices').call(this);
      disk = ownLoop();
    });
    after('the device', () => disk?.[Symbol.dispose]());
    beforeEach('a zone without any', async () => {
      zone = await host.run({ name: 'web', image: 'busybox', net: 'none' });
    });
    afterEach('its end', async () => {
      await given.host.deleteZones();
    });

    const pidOf = async () => (await zone.inspect()).pid ?? 0;

    it('are held where this test means to', async () => {
      const group = await groupOfProcess(await pidOf(), version === 'v1' ? 'devices' : 'none');
      if (version === 'v1') expect(await readFile(`${group.path}/devices.list`, 'utf8')).to.include('c 1:3 rw');
      else expect(group.path).to.match(/\/tszone\/[0-9a-f]+\/web$/);
    });

    it('come with a start, with the owner and the mode that they have on the host', async () => {
      await zone.stop();
      await zone.set({ device: ['/dev/fuse', `${diskPath()}:r`, '/dev/net/tun'] });
      await zone.start();
      const paths = ['/dev/fuse', diskPath(), '/dev/net/tun'];
      const shown = await sh(zone, `stat -c "%n %F %t:%T %u:%g %a" ${paths.join(' ')}`);
      const expected = paths.map((path) => {
        const { mode, uid, gid } = statSync(path);
        const number = execFileSync('stat', ['-c', '%F %t:%T', path], { encoding: 'utf8' }).trim();
        return `${path} ${number} ${uid}:${gid} ${(mode & 0o777).toString(8)}`;
      });
      expect(shown.split('\n')).to.deep.equal(expected);
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
      expect(await tryOpen(zone, fuse, '>>')).to.equal('');
      expect(await tryOpen(zone, diskPath(), '<')).to.equal('');
      expect(await tryOpen(zone, diskPath(), '>>')).to.match(/not permitted/);
    });

    it('that nobody gave are refused, even where there is a node', async () => {
      const { staging } = zonePaths(host.context.roots, 'web');
      const { ids } = await zone.inspect();
      const running = await readRunning(host.context.roots, 'web');
      const node = { path: '/dev/given', kind: 'c', major: 10, minor: 229, mode: 0o666, uid: 0, gid: 0 } as const;
      const { pid = 0, startTime = '' } = running ?? {};
      const op: DeviceNodesOp = {
        op: 'device.nodes',
        pid,
        startTime,
        staging,
        ids,
        isMapped: true,
        add: [node],
        remove: [],
      };
      await applyHostOp(op);
      await applyHostOp(op);
      expect(await sh(zone, 'stat -c "%F %t:%T %u:%g" /dev/given')).to.equal('character special file a:e5 0:0');
      expect(await tryOpen(zone, '/dev/given', '<')).to.match(/not permitted/);
      expect(await sh(zone, 'grep -c given /proc/mounts'), 'once, though it was put there twice').to.equal('1');
      await undoHostOp(op);
      await undoHostOp(op);
      expect(await sh(zone, 'ls /dev/given 2>&1 || true')).to.match(absent);
    });

    it('have each letter on its own', async () => {
      await zone.set({ device: ['/dev/fuse:r', `${diskPath()}:r`] });
      for (const path of ['/dev/fuse', diskPath()]) {
        expect(await tryOpen(zone, path, '<'), path).to.equal('');
        expect(await tryOpen(zone, path, '>>'), path).to.match(/not permitted/);
      }
      await zone.set({ device: ['/dev/fuse:w'] });
      expect(await tryOpen(zone, fuse, '<')).to.match(/not permitted/);
      expect(await tryOpen(zone, fuse, '>>')).to.equal('');
    });

    it('come and go while it runs', async () => {
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
      const added = await zone.set({ device: ['/dev/fuse', '/dev/net/tun'] });
      expect(added.needsRestart).to.deep.equal([]);
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
      await sh(zone, 'mkdir -p /keep && touch /keep/fuse && mount -o bind /dev/fuse /keep/fuse');
      await zone.set({ device: ['/dev/net/tun'] });
      expect(await sh(zone, 'ls -A /dev/fuse 2>&1 || true')).to.match(absent);
      // A copy that the zone has made for itself: there, and refused.
      expect(await tryOpen(zone, '/keep/fuse', '<')).to.match(/not permitted/);
      expect(await tryOpen(zone, '/dev/net/tun', '<')).to.equal('');
      expect(await tryOpen(zone, '/dev/null', '<'), 'the default ones stay').to.equal('');
    });

    it('are there again after a restart, and gone with unset', async () => {
      await zone.set({ device: [fuse] });
      await zone.restart();
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
      await zone.set({ device: [] });
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
      await zone.restart();
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
    });

    it('hold only now with live, and from the next start on with saved', async () => {
      await zone.set({ device: [fuse] }, { scope: 'live' });
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
      expect((await zone.inspect()).spec.device).to.deep.equal([]);
      await zone.set({ device: [] });
      expect(await tryOpen(zone, fuse, '<'), 'what its record says already').to.match(absent);
      await zone.set({ device: [fuse] }, { scope: 'live' });
      // What no record knows of is known all the same.
      await zone.set({ device: ['/dev/net/tun'] });
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
      const saved = await zone.set({ device: [`${diskPath()}:r`] }, { scope: 'saved' });
      expect(saved.needsRestart).to.deep.equal(['device']);
      expect(await tryOpen(zone, '/dev/net/tun', '<')).to.equal('');
    });

    it('of a change that was killed half-way are taken away by the next one', async () => {
      const devices = await resolveDevices(host.context, [
        { path: fuse, access: 'rw' },
        { path: '/dev/net/tun', access: 'rw' },
      ]);
      // Recorded before it begins, and no more than half done.
      await recordDevices(host.context, 'web', devices);
      const { ops } = await planDeviceChange(host.context, await readZone(host.context.roots, 'web'), {
        running: await requireRunning(host.context, 'web'),
        after: [],
      });
      for (const op of ops) await undoHostOp(op);
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
      await zone.set({ device: ['/dev/net/tun'] });
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
      expect(await tryOpen(zone, '/dev/net/tun', '<')).to.equal('');
    });

    it('come to a zone that is paused, too', async () => {
      await zone.pause();
      await zone.set({ device: [fuse] });
      await zone.resume();
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
    });

    it('are never put where a link of the zone leads, and nothing is changed then', async () => {
      await sh(zone, 'echo secret > /etc/victim && ln -s /etc/victim /dev/fuse');
      const error = await failure(zone.set({ device: [fuse] }));
      expect(error).to.include({ code: 'KERNEL_STEP_FAILED' });
      expect(error.hint).to.match(/inside the zone/);
      expect(await sh(zone, 'cat /etc/victim')).to.equal('secret');
      expect((await zone.inspect()).spec.device).to.deep.equal([]);
      await sh(zone, 'rm /dev/fuse && ln -s /etc /dev/net');
      expect(await failure(zone.set({ device: ['/dev/net/tun'] }))).to.include({ code: 'KERNEL_STEP_FAILED' });
      expect(await sh(zone, 'ls /etc/tun 2>&1 || true')).to.match(absent);
      await sh(zone, 'rm /dev/net && mkdir -p /dev/fuse');
      expect(await failure(zone.set({ device: [fuse] }))).to.include({ code: 'KERNEL_STEP_FAILED' });
      await sh(zone, 'rmdir /dev/fuse');
      await zone.set({ device: [fuse] });
      expect(await tryOpen(zone, fuse, '<')).to.equal('');
    });

    it('that could not be put there are not allowed either', async () => {
      await zone.set({ device: [fuse] });
      await sh(zone, 'touch /fuse && mount -o bind /dev/fuse /fuse');
      await zone.set({ device: [] });
      await sh(zone, 'ln -s x /dev/fuse');
      await failure(zone.set({ device: [fuse] }));
      expect(await tryOpen(zone, '/fuse', '<')).to.match(/not permitted/);
    });

    it('belong to one zone: another has them neither before nor after', async () => {
      const other = await host.run({ name: 'other', image: 'busybox', net: 'none', device: ['/dev/net/tun'] });
      await zone.set({ device: [fuse] });
      expect(await tryOpen(other, fuse, '<')).to.match(absent);
      expect(await tryOpen(zone, '/dev/net/tun', '<')).to.match(absent);
    });

    it('are open or refused at any moment of a change, and the default ones always open', async () => {
      const kept = `${diskPath()}:r`;
      await zone.set({ device: [kept] });
      // One more round after each change.
      const script = `bad=0; i=0; while [ ! -e /tmp/enough ]; do
        { true < /dev/null; } 2> /dev/null || bad=$((bad + 1))
        { true < ${diskPath()}; } 2> /dev/null || bad=$((bad + 1))
        { true >> ${diskPath()}; } 2> /dev/null && bad=$((bad + 1))
        i=$((i + 1)); [ -e /tmp/more ] && rm /tmp/more; done; echo $bad $((i > 20))`;
      const oneMore = () => sh(zone, 'touch /tmp/more; while [ -e /tmp/more ]; do sleep 0.01; done');
      const busy = sh(zone, script);
      busy.catch(() => {});
      await oneMore();
      for (let round = 0; round < 10; round++) {
        await zone.set({ device: round % 2 === 0 ? [kept, fuse] : [kept] });
        await oneMore();
        await oneMore();
      }
      await sh(zone, 'touch /tmp/enough');
      expect(await busy).to.equal('0 1');
    });

    it('are named by a dry run, which changes nothing', async () => {
      const { steps } = await dryRunSet(host.context, 'web', changeOf({ device: [fuse] }));
      expect(steps.map(({ text }) => text).join('\n')).to.match(
        /allow c 10:229 rw in .*web\nput \/dev\/fuse into the zone/,
      );
      expect(await tryOpen(zone, fuse, '<')).to.match(absent);
    });

    it('need not be there to be refused: each mistake has its code, and nothing is left of it', async () => {
      const wrong: readonly [string[], string, RegExp][] = [
        [['/dev/no-such-device'], 'PATH_NOT_FOUND', /"\/dev\/no-such-device" does not exist/],
        [['/dev/net'], 'SPEC_INVALID', /no device/],
        [['/dev/fuse:rx'], 'SPEC_INVALID', /\/dev\/X\[:rwm\]: "\/dev\/fuse:rx"/],
        [['/dev/fuse:'], 'SPEC_INVALID', /\/dev\/X/],
        [['/etc/passwd'], 'SPEC_INVALID', /\/dev\/X/],
        [['/dev/../etc/passwd'], 'SPEC_INVALID', /\/dev\/X/],
        [['/dev/null:rw'], 'SPEC_INVALID', /of its own/],
        [['/dev/pts/0'], 'SPEC_INVALID', /of its own/],
        [['/dev/fuse', '/dev/fuse:r'], 'SPEC_INVALID', /twice/],
      ];
      const before = await given.host.snapshot();
      for (const [device, code, text] of wrong) {
        for (const attempt of [
          () => host.create({ name: 'wrong', image: 'busybox', device }),
          () => host.run({ name: 'wrong', image: 'busybox', device }),
          () => zone.set({ device }),
        ]) {
          const error = await failure(attempt());
          expect(error, device.join()).to.include({ code });
          expect(error.message).to.match(text);
          expect(error.hint).to.be.a('string');
        }
      }
      expectNothingLeft(before, await given.host.snapshot());
    });

    it('that are gone when the zone starts keep it from starting, and nothing is left', async () => {
      const gone = '/dev/tszone-test';
      execFileSync('mknod', [gone, 'c', '10', '229']);
      try {
        await zone.stop();
        await zone.set({ device: [gone] });
      } finally {
        execFileSync('rm', [gone]);
      }
      const before = await given.host.snapshot();
      expect(await failure(zone.start())).to.include({ code: 'PATH_NOT_FOUND' });
      expectNothingLeft(before, await given.host.snapshot());
    });

    it('leave nothing of theirs on the host', async () => {
      const { staging } = zonePaths(host.context.roots, 'web');
      await zone.set({ device: [fuse] });
      const mounts = await readFile('/proc/self/mountinfo', 'utf8');
      expect(mounts).to.not.include(staging);
      expect(readdirSync(staging)).to.deep.equal([]);
      await zone.set({ device: [] });
    });

    if (version === 'v2') {
      it('are a reason to refuse a start where the kernel takes no program, by name, and nothing is left', async () => {
        await zone.stop();
        const before = await given.host.snapshot();
        const above =
          zoneGroups({ ...host.context.roots, layout: host.context.facts.cgroup, zone: 'web' })
            .at(-1)
            ?.parents.at(-1) ?? '';
        // A program above that allows none below it.
        mkdirSync(above, { recursive: true });
        await using session = spawnSession('apply', [programOp(above, [])]);
        await session.expect('exited');
        const error = await failure(zone.start());
        expect(error).to.include({ code: 'HOST_FEATURE_MISSING' });
        expect(error.message).to.match(/devices of a zone cannot be restricted.*BPF_PROG_ATTACH/);
        expect(error.hint).to.match(/bpftool/);
        expect(existsSync(above), 'the group with that program goes with the last below it').to.equal(false);
        // A start writes its records before it launches; the next one writes them anew.
        expectNothingLeft({ ...before, files: [] }, { ...(await given.host.snapshot()), files: [] });
        await zone.start();
      });

      it('go with the zone: its program is unloaded, and a change keeps one alone', async () => {
        const { path } = await groupOfProcess(await pidOf(), 'none');
        const ids = devicePrograms(path);
        for (let round = 0; round < 4; round++) {
          await zone.set({ device: round % 2 === 0 ? [fuse] : [] });
          const now = devicePrograms(path);
          expect(now).to.have.length(1);
          ids.push(...now);
        }
        expect(new Set(ids).size).to.equal(5);
        const last = ids.pop() ?? expect.fail();
        await eventually('those before are unloaded', () => !ids.some(isLoaded));
        expect(isLoaded(last)).to.equal(true);
        await zone.stop();
        await eventually('so is that of a zone that has ended', () => !isLoaded(last));
      });
    }
  });
}
