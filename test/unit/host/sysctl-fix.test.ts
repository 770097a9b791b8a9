import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { fixSysctls } from '../../../src/host/index.js';

describe('fixSysctls', () => {
  let prefix: string;
  let file: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), 'tszone-sysctl-'));
    file = join(prefix, 'etc/sysctl.d/60-tszone.conf');
  });
  afterEach(() => rmSync(prefix, { recursive: true }));

  const path = (key: string) => `${prefix}/proc/sys/${key.replaceAll('.', '/')}`;
  const put = (key: string, value: string) => {
    mkdirSync(dirname(path(key)), { recursive: true });
    writeFileSync(path(key), value);
  };
  const get = (key: string) => readFileSync(path(key), 'utf8').trim();

  it('raises what is low, leaves what is high or not there, and persists it', async () => {
    put('kernel.pid_max', '32768\n');
    put('fs.file-max', '9223372036854775807\n');
    expect(await fixSysctls({ file, prefix })).to.deep.equal({
      file,
      changed: [{ key: 'kernel.pid_max', from: 32_768, to: 4_194_304 }],
      refused: [],
    });
    expect(get('kernel.pid_max')).to.equal('4194304');
    expect(get('fs.file-max')).to.equal('9223372036854775807');
    expect(readFileSync(file, 'utf8').split('\n').slice(1)).to.deep.equal(['kernel.pid_max = 4194304', '']);
    expect(readdirSync(dirname(file))).to.have.length(1);
  });

  it('has nothing to do a second time, and keeps what it wrote', async () => {
    put('kernel.pid_max', '32768\n');
    await fixSysctls({ file, prefix });
    const before = readFileSync(file, 'utf8');
    expect(await fixSysctls({ file, prefix })).to.deep.equal({ changed: [], refused: [] });
    put('kernel.keys.maxkeys', '200\n');
    await fixSysctls({ file, prefix });
    expect(readFileSync(file, 'utf8')).to.equal(`${before}kernel.keys.maxkeys = 2000\n`);
  });

  it('says what the kernel would not take', async () => {
    put('kernel.keys.maxkeys', '200\n');
    // A sysctl that nobody can write.
    symlinkSync('/proc/sys/kernel/ngroups_max', path('kernel.pid_max'));
    const { changed, refused } = await fixSysctls({ file, prefix });
    expect(changed.map(({ key }) => key)).to.deep.equal(['kernel.keys.maxkeys']);
    expect(refused).to.have.length(1);
    expect(refused[0]).to.include({ key: 'kernel.pid_max', from: 65_536 });
    expect(refused[0]?.reason).to.match(/^E[A-Z]+:/);
  });
});
