/** Masks, the console and sysctls whose place a zone has prepared (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881). */
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import type { EnterOp } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Altered, both, execAltered, inFrontOf, startAltered, without } from '../helpers/altered-zone.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('CVE-2025-31133, CVE-2025-52881: what is masked, and which sysctl is written, is of the mounts that were made', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] });
  const started = (ops: readonly EnterOp[], options: Altered = {}) =>
    startAltered(
      given.host,
      { name: 'masked', image: 'busybox' },
      { ...options, enter: inFrontOf('root.pivot', ...ops) },
    );
  /** A link to self/mounts; of pid 1, by then. */
  const mask: EnterOp = { op: 'mnt.mask', path: '/proc/mounts' };

  it('a mask is not laid through a link', async () => {
    const error = await failureOf(started([mask]));
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it has started');
    expect(error.context).to.include({ step: 'mnt.mask', errnoName: 'ELOOP' });
  });

  it('gets through without RESOLVE_NO_SYMLINKS in mnt.mask: something else is masked', async () => {
    await using zone = await started([mask], { tamper: ['follow', 'mounts'] });
    expect(await sh(zone, 'cat /proc/1/mounts | wc -c; grep -c proc /proc/self/mounts')).to.match(/^0\n[1-9]/);
  });

  it('a mask is for what lies in /proc and /sys', async () => {
    const error = await failureOf(started([{ op: 'mnt.mask', path: '/etc/passwd' }]));
    if (!hasCode(error, 'KERNEL_STEP_FAILED')) throw error ?? new Error('it has started');
    expect(error.message).to.include('/etc/passwd');
  });

  it('a sysctl is written to the kernel, whatever lies over it', async () => {
    const file = '/proc/sys/kernel/shm_rmid_forced';
    const enter = both(
      without('mnt.readonly', (op) => op.op === 'mnt.readonly' && op.path === '/proc/sys'),
      inFrontOf(
        'root.pivot',
        { op: 'mnt.fs', type: 'tmpfs', target: '/proc/sys', attributes: '', options: '' },
        { op: 'file.write', path: file, mode: '0644', marker: '', content: 'of the zone\n' },
        { op: 'sysctl.write', key: 'kernel.shm_rmid_forced', value: '1' },
      ),
    );
    await using zone = await startAltered(given.host, { name: 'sysctls', image: 'busybox' }, { enter });
    expect(await sh(zone, `cat ${file}`)).to.equal('of the zone');
    const { pid } = await zone.inspect();
    expect(await outputOf('nsenter', [`--ipc=/proc/${pid}/ns/ipc`, 'cat', file])).to.equal('1\n');
    expect(await readFile(file, 'utf8')).to.equal('0\n');
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
