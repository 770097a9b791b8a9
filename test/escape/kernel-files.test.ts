/** Masks, the console and sysctls whose place a zone has prepared (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881). */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import type { EnterOp } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Altered, both, execAltered, inFrontOf, startAltered, without } from '../helpers/altered-zone.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('CVE-2025-31133: what a mask is made of, and where it goes, is the zone’s', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] });
  /** /proc/mask-here is not there in any zone: an own directory with a link in it stands for what is raced. */
  const link: EnterOp[] = [
    { op: 'mkdir', path: '/own', mode: '0755' },
    { op: 'file.write', path: '/own/open', mode: '0644', marker: '', content: 'open\n' },
    { op: 'symlink', text: 'open', path: '/own/masked' },
  ];
  const attack = async (mask: EnterOp, options: Altered = {}) => {
    const enter = inFrontOf('root.pivot', ...link, mask);
    await using zone = await startAltered(given.host, { name: 'masked', image: 'busybox' }, { ...options, enter });
    return await sh(zone, 'cat /own/open; stat -c %F:%t,%T /own/masked');
  };

  it('a mask is not laid through a link', async () => {
    const error = await failureOf(attack({ op: 'mnt.mask', path: '/own/masked' }));
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it has started');
    expect(error.context).to.include({ step: 'mnt.mask', errnoName: 'ELOOP' });
  });

  it('gets through without RESOLVE_NO_SYMLINKS in mnt.mask: something else is masked', async () => {
    const said = await attack({ op: 'mnt.mask', path: '/own/masked' }, { tamper: ['naive', '/own/masked'] }).catch(
      String,
    );
    expect(said).not.to.include('open\n');
  });

  it('a zone whose /dev/null is a link of its own is masked with the host’s', async () => {
    const files = async (upper: string) => {
      await mkdir(join(upper, 'dev'));
      await symlink('/etc/passwd', join(upper, 'dev/null'));
    };
    await using zone = await startAltered(given.host, { name: 'nulls', image: 'busybox' }, { files });
    expect(await sh(zone, 'stat -c %F:%t,%T /dev/null /proc/keys')).to.match(/^(character special file:1,3\n?){2}$/);
  });

  for (const name of ['proc', 'sys', 'dev']) {
    it(`a zone whose /${name} is a link shows nothing of the host's by that`, async () => {
      const files = async (upper: string) => {
        await mkdir(join(upper, 'elsewhere'));
        await symlink('/elsewhere', join(upper, name));
      };
      const spec = { name: 'linked', image: 'busybox' };
      const started = startAltered(given.host, spec, { files });
      await using zone = await started.catch(() => undefined);
      if (zone === undefined) return;
      const { pid } = await zone.inspect();
      expect(await readFile(`/proc/${pid}/mountinfo`, 'utf8')).not.to.include(given.host.directory);
    });
  }
});

describe('CVE-2025-52565: the terminal of an exec is the zone’s file', () => {
  let zone: Zone;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] }, async (host) => {
    zone = await host.run({ name: 'terminal', image: 'busybox', net: 'none', command: ['sleep', '1000'] });
    await sh(zone, 'mount -t tmpfs own /dev/pts; echo typed by the zone > /dev/pts/ptmx');
  });
  const attack = async (options: Altered) => {
    const session = await execAltered(given.host, 'terminal', ['sleep', '0.3'], { ...options, stdio: 'pty' });
    const [said, error] = await Promise.all([
      session.stdout === null ? '' : text(session.stdout),
      failureOf(session.expect('exited')),
    ]);
    return { said, error };
  };

  it('it is refused unless it is of the kernel’s devpts', async () => {
    const { said, error } = await attack({});
    expect(said).to.equal('');
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it was taken');
    expect(error.message).to.include('devpts');
  });

  it('a link in its place is refused, too', async () => {
    await sh(zone, 'mv /dev/pts/ptmx /dev/pts/real; ln -s /proc/1/environ /dev/pts/ptmx');
    const { error } = await attack({});
    await sh(zone, 'mv /dev/pts/real /dev/pts/ptmx');
    expect(hasCode(error, 'KERNEL_STEP_FAILED')).to.equal(true);
    expect(String(error)).to.match(/ptmx/);
  });

  it('gets through without the file system’s type, and what is asked of a terminal', async () => {
    const [ioctl, fchown, magic] = ['16', '93', '0x1cd1'];
    const { said } = await attack({ tamper: ['magic', magic, 'skip', ioctl, 'skip', fchown] });
    expect(said).to.include('typed by the zone');
  });
});

describe('CVE-2025-52881: a sysctl is written where the zone wants it', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] });
  const value = 'written by the helper';
  const fake: EnterOp[] = [
    { op: 'mnt.fs', type: 'tmpfs', target: '/proc/sys', attributes: '', options: '' },
    { op: 'file.write', path: '/proc/sys/kernel/shm_rmid_forced', mode: '0644', marker: '', content: '0\n' },
  ];
  const write: EnterOp = { op: 'sysctl.write', key: 'kernel.shm_rmid_forced', value };
  const attack = async (options: Altered = {}) => {
    const enter = both(
      without('mnt.readonly', (op) => op.op === 'mnt.readonly' && op.path === '/proc/sys'),
      inFrontOf('root.pivot', ...fake, write),
    );
    await using zone = await startAltered(given.host, { name: 'sysctls', image: 'busybox' }, { ...options, enter });
    return await sh(zone, 'cat /proc/sys/kernel/shm_rmid_forced');
  };

  it('it is refused unless the file is of the kernel’s /proc', async () => {
    const error = await failureOf(attack());
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it was written');
    expect(error.message).to.include('/proc');
    expect(error.context).to.include({ step: 'sysctl.write' });
  });

  it('gets through without the file system’s type', async () => {
    expect(await attack({ tamper: ['magic', '0x9fa0'] })).to.include(value);
  });

  it('a link on the way is refused', async () => {
    const linked: EnterOp[] = [
      { op: 'mnt.fs', type: 'tmpfs', target: '/proc/sys', attributes: '', options: '' },
      { op: 'symlink', text: '/proc/1', path: '/proc/sys/kernel' },
    ];
    const enter = both(
      without('mnt.readonly', (op) => op.op === 'mnt.readonly' && op.path === '/proc/sys'),
      inFrontOf('root.pivot', ...linked, { op: 'sysctl.write', key: 'kernel/oom_score_adj', value: '500' }),
    );
    const error = await failureOf(startAltered(given.host, { name: 'linked', image: 'busybox' }, { enter }));
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it was written');
    expect(error.context).to.include({ step: 'sysctl.write', errnoName: 'ELOOP' });
  });
});
