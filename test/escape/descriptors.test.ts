/** Descriptors and directories of the host that an exec has open while it is on its way into a zone (CVE-2024-21626). */
import { openSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { EnterOp } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import { type Altered, execAltered } from '../helpers/altered-zone.js';
import { attackMount, attackProgram } from '../helpers/attack-programs.js';
import { program, runProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { sh } from '../helpers/temp-host.js';

const [closeRange, openTree, closeOnExec] = ['436', '428', '0x80000'];
const numbers = Array.from({ length: 16 }, (_, n) => n + 3);

describe('CVE-2024-21626: a directory of the host that is open during an exec', () => {
  let zone: Zone;
  let directory: string;
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] }, async (host) => {
    directory = await host.file('of-the-host');
    await mkdir(join(directory, 'inner'));
    await writeFile(join(directory, 'secret'), 'secret of the host\n');
    await copyFile(await attackProgram('bomb'), join(directory, 'program'));
    zone = await host.run({ name: 'leaky', image: 'busybox', net: 'none', mount: [await attackMount()] });
    // One for each number, as nobody in a zone knows it.
    const scripts = numbers.map((n) => `printf '#!/proc/self/fd/${n}/program\\n' > /tmp/s${n}`);
    await sh(zone, `${scripts.join('; ')}; chmod 755 /tmp/s*`);
  });

  /** stdout of all attempts; every one of them has the directory open. */
  async function attempts(argv: (n: number) => readonly string[], options: Altered, workdir?: (n: number) => string) {
    let said = '';
    const tree: EnterOp = { op: 'tree.open', slot: 'left-open', path: directory, flags: 'readonly' };
    for (const n of numbers) {
      const session = await execAltered(given.host, 'leaky', argv(n), {
        ...options,
        ...(workdir === undefined ? {} : { workdir: workdir(n) }),
        enter: (ops) => [tree, ...ops],
      });
      said += session.stdout === null ? '' : await text(session.stdout);
      await session.exited;
    }
    return said;
  }

  const asWorkdir = (options: Altered) =>
    attempts(
      () => ['cat', 'secret', '../of-the-host/secret'],
      options,
      (n) => `/proc/self/fd/${n}`,
    );
  const asInterpreter = (options: Altered) => attempts((n) => [`/tmp/s${n}`], options);
  const asProgram = (options: Altered) => attempts((n) => [`/proc/self/fd/${n}/inner/../program`, '1'], options);
  const inherited = (options: Altered) => attempts((n) => ['cat', `/proc/self/fd/${n}/secret`], options);

  it('does not become the working directory', async () => {
    expect(await asWorkdir({})).to.equal('');
  });

  it('gets through without RESOLVE_NO_MAGICLINKS in the op cwd', async () => {
    expect(await asWorkdir({ tamper: ['follow', '/proc/self/fd'] })).to.include('secret of the host');
  });

  it('is no way to a program or to the interpreter that a script of the zone names', async () => {
    expect(await asProgram({})).to.equal('');
    expect(await asInterpreter({})).to.equal('');
  });

  it('gets through without close_range before the exec', async () => {
    expect(await asProgram({ tamper: ['skip', closeRange] })).to.match(/^1$/m);
    expect(await asInterpreter({ tamper: ['skip', closeRange] })).to.match(/^0$/m);
  });

  it('is not the command’s to have', async () => {
    expect(await inherited({})).to.equal('');
    // One of both is enough.
    expect(await inherited({ tamper: ['skip', closeRange] })).to.equal('');
  });

  it('gets through without close_range and O_CLOEXEC', async () => {
    const tamper = ['skip', closeRange, 'clear', openTree, '2', closeOnExec];
    expect(await inherited({ tamper })).to.include('secret of the host');
  });

  it('is not taken for stdin of a command', async () => {
    const words = [...program, 'exec', '-i', 'leaky', '--', 'cat', '/proc/self/fd/0/secret'];
    const { status, stdout, stderr } = await runProgram('sh', ['-c', `"$@" < '${directory}'`, 'sh', ...words], {
      env: given.host.env,
    });
    expect({ status, stdout }).to.deep.equal({ status: 125, stdout: '' });
    expect(stderr).to.include('a directory of the host');
  });

  it('gets through without the check of what is handed in', async () => {
    const session = await execAltered(given.host, 'leaky', ['cat', '/proc/self/fd/0/secret'], {
      enter: (ops) => ops.map((op) => (op.op === 'stdio.mode' ? { ...op, mode: 'attach' } : op)),
      stdin: openSync(directory, 'r'),
      tamper: ['regular'],
    });
    expect(session.stdout === null ? '' : await text(session.stdout)).to.include('secret of the host');
  });
});
