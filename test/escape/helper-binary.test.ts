/** A zone writes to the programs of tszone that run in it (CVE-2019-5736). */
import { chmod, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { helperPath, initPath } from '../../src/helper/index.js';
import { type Altered, both, execAltered, startAltered, withoutWord } from '../helpers/altered-zone.js';
import { attackMount } from '../helpers/attack-programs.js';
import { givenHost } from '../helpers/given.js';
import { sh, type TempHost } from '../helpers/temp-host.js';

const mountSetattr = '442';

/** A copy that everybody may write: what is left is the mount. */
async function openCopy(host: TempHost, program: string): Promise<string> {
  const copy = join(host.directory, `open-${program.split('/').at(-1)}`);
  await copyFile(program, copy);
  await chmod(copy, 0o777);
  return copy;
}

describe('CVE-2019-5736: the helper’s own file is written through /proc/self/exe', () => {
  const given = givenHost({ images: ['busybox'], needs: ['gcc', 'x86_64'] }, async (host) => {
    const mount = [await attackMount('overwrite')];
    await host.run({ name: 'writes', image: 'busybox', net: 'none', mount, capAdd: ['ALL'] });
  });

  /** An exec of the helper's program itself, which a process of the zone keeps hold of. */
  async function attack(options: Altered): Promise<{ said: string; isChanged: boolean }> {
    const program = await openCopy(given.host, helperPath());
    const library = await (await given.host.open()).zone('writes');
    const attacker = library.exec(['/attack/overwrite', 'exe']);
    const argv = ['/proc/self/exe', 'unpack', '--here', '--root', '/tmp'];
    const session = await execAltered(given.host, 'writes', argv, { ...options, program, stdin: 'pipe' });
    await session.expect('started');
    await sh(library, 'until rm /tmp/taken; do sleep 0.05; done 2>/dev/null');
    session.stdin?.end();
    await session.exited;
    const { stdout: said } = await attacker;
    const isChanged = !(await readFile(program)).equals(await readFile(helperPath()));
    return { said, isChanged };
  }

  it('it cannot be: it is executed from a mount that is read-only', async () => {
    const { said, isChanged } = await attack({});
    expect(said).to.include('refused EROFS');
    expect(isChanged).to.equal(false);
  });

  it('gets through without mount_setattr(RDONLY) and file modes', async () => {
    const { said, isChanged } = await attack({ tamper: ['skip', mountSetattr, 'readonly'] });
    expect(said).to.include('wrote');
    expect(isChanged).to.equal(true);
  });
});

describe('CVE-2019-5736: the file of the init is changed through /proc/1/exe', () => {
  const given = givenHost({ images: ['sparse'], needs: ['gcc', 'x86_64'] });
  const attack = `perl -e '
    my ($path, $name, $value) = ("/proc/1/exe", "user.evil", "1");
    exit(syscall(188, $path, $name, $value, 1, 0) == 0 ? 0 : $! + 0)'`;

  async function tryOn(options: Altered): Promise<number> {
    const path = await openCopy(given.host, initPath());
    const enter = both(
      (ops) => ops.map((op) => (op.op === 'tree.open' && op.slot === 'init' ? { ...op, path } : op)),
      options.enter ?? ((ops) => ops),
    );
    await using zone = await startAltered(given.host, { name: 'inits', image: 'sparse' }, { enter });
    return (await zone.exec(['sh', '-c', attack])).exitCode;
  }

  it('it cannot be: EROFS', async () => {
    expect(await tryOn({})).to.equal(30);
  });

  it('gets through without the flag readonly of tree.open, and file modes', async () => {
    expect(await tryOn({ enter: withoutWord('tree.open', 'flags', 'readonly') })).to.equal(0);
  });
});
