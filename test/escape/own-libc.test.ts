/** A zone that replaces its own libc, or what that loads (CVE-2019-14271): only its own programs are fooled. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { type EnterOp, helperPath } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Altered, execAltered } from '../helpers/altered-zone.js';
import { attackMount, attackProgram } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

const [closeRange, openTree, closeOnExec] = ['436', '428', '0x80000'];

describe('CVE-2019-14271: a zone with a libc of its own', () => {
  let zone: Zone;
  const given = givenHost({ images: ['sparse'], needs: ['gcc', 'x86_64'] }, async (host) => {
    await attackProgram('evil', ['-shared', '-fPIC']);
    const mount = [await attackMount()];
    zone = await host.run({ name: 'evil', image: 'sparse', net: 'none', mount });
    await host.file('of-the-host');
    await host.file('of-the-host/secret', 'secret of the host\n');
    await sh(
      zone,
      `cp /attack/evil /root/evil.so; echo /root/evil.so > /etc/ld.so.preload
       printf 'passwd: evil\\ngroup: evil\\nhosts: evil\\n' > /etc/nsswitch.conf`,
    );
  });
  const forget = () => zone.exec(['rm', '-f', '/tmp/evil']).then(() => zone.exec(['/usr/bin/rm', '-f', '/tmp/evil']));
  /** What the library has noted; read without a program of the zone. */
  const noted = async () => {
    const { pid } = await zone.inspect();
    return readFile(`/proc/${pid}/root/tmp/evil`, 'utf8').catch(() => '');
  };
  const clear = async () => {
    await forget();
    const before = await noted();
    return async () => (await noted()).slice(before.length);
  };

  it('is not loaded by cp, in neither direction', async () => {
    const since = await clear();
    await given.host.ok(['cp', 'evil:/etc/hostname', join(given.host.directory, 'copy')]);
    await given.host.ok(['cp', join(given.host.directory, 'copy'), 'evil:/root/copy']);
    expect(await since()).to.equal('');
  });

  it('gets through without the static helper in exec.slot: by a program of the zone', async () => {
    const since = await clear();
    const session = await execAltered(given.host, 'evil', ['tar', 'cf', '-', '/etc/hostname']);
    if (session.stdout !== null) await text(session.stdout);
    await session.exited;
    expect(await since()).to.match(/^loaded by tar uid 0$/m);
  });

  it('is not loaded by the helper, which is static', async () => {
    const program = await readFile(helperPath(), 'latin1');
    expect(program).not.to.include('ld-linux');
    expect(program).not.to.include('nsswitch');
  });

  const inExec = async (options: Altered) => {
    const since = await clear();
    const tree: EnterOp = {
      op: 'tree.open',
      slot: 'left-open',
      path: join(given.host.directory, 'of-the-host'),
      flags: 'readonly',
    };
    const session = await execAltered(given.host, 'evil', ['/usr/bin/true'], {
      ...options,
      enter: (ops) => [tree, ...ops],
    });
    await session.exited;
    return since();
  };

  it('finds nothing of the host’s in a command that it is loaded by', async () => {
    const said = await inExec({});
    expect(said).to.match(/^loaded by \/usr\/bin\/true uid 0$/m);
    expect(said).not.to.match(/^has|^read/m);
  });

  it('gets through without close_range and O_CLOEXEC', async () => {
    const tamper = ['skip', closeRange, 'clear', openTree, '2', closeOnExec];
    expect(await inExec({ tamper })).to.match(/^read secret of the host/m);
  });
});
