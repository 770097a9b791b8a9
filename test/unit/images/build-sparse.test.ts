import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect } from 'chai';
import { extract, type Header } from 'tar-stream';
import { buildSparse, sparseFingerprint } from '../../../src/images/build-sparse.js';
import type { SparseTemplate } from '../../../src/images/template.js';

const usr = { merged: false, links: { '/bin': 'usr/bin' }, dirs: ['/lib64'] };
const context = { scratch: '/nonexistent', usr, suite: undefined, arch: 'amd64', updates: true };

interface Member {
  readonly header: Header;
  readonly content: string;
}

describe('the sparse skeleton', () => {
  let etc: string;
  let template: SparseTemplate;

  beforeEach(() => {
    etc = mkdtempSync(join(tmpdir(), 'tszone-etc-'));
    const copy = ['open', 'closed', 'link', 'dir', 'missing', 'locked', 'deep/er'];
    template = { templateVersion: 1, name: 'sparse', kind: 'sparse', description: 'd', config: {}, copy };
    writeFileSync(join(etc, 'open'), 'for all', { mode: 0o600 });
    chmodSync(join(etc, 'open'), 0o644);
    writeFileSync(join(etc, 'closed'), 'secret', { mode: 0o640 });
    writeFileSync(join(etc, 'unlisted'), 'not asked for', { mode: 0o644 });
    symlinkSync('/usr/share/x', join(etc, 'link'));
    mkdirSync(join(etc, 'dir'));
    writeFileSync(join(etc, 'dir/a'), 'a');
    writeFileSync(join(etc, 'dir/key'), 'secret', { mode: 0o600 });
    mkdirSync(join(etc, 'locked'), { mode: 0o700 });
    writeFileSync(join(etc, 'locked/a'), 'secret');
    mkdirSync(join(etc, 'deep/er'), { recursive: true });
    writeFileSync(join(etc, 'deep/er/b'), 'b');
    writeFileSync(join(etc, 'deep/other'), 'not asked for');
  });
  afterEach(() => rmSync(etc, { recursive: true, force: true }));

  async function members(): Promise<Map<string, Member>> {
    const { archive } = await buildSparse(template, context, etc);
    const entries = extract();
    const found = new Map<string, Member>();
    const writing = pipeline(archive, entries);
    for await (const entry of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      found.set(entry.header.name.replace(/\/$/, ''), {
        header: entry.header,
        content: Buffer.concat(chunks).toString(),
      });
    }
    await writing;
    return found;
  }

  it('copies what is listed and open to all, and nothing else', async () => {
    const found = await members();
    const copied = [...found.keys()].filter((name) =>
      /^etc\/(open|closed|link|dir|missing|locked|deep|unlisted)/.test(name),
    );
    expect(copied.sort()).to.deep.equal([
      'etc/deep',
      'etc/deep/er',
      'etc/deep/er/b',
      'etc/dir',
      'etc/dir/a',
      'etc/link',
      'etc/open',
    ]);
    expect(found.get('etc/open')?.content).to.equal('for all');
    expect(found.get('etc/link')?.header).to.include({ type: 'symlink', linkname: '/usr/share/x' });
    expect([...found.values()].filter(({ content }) => content.includes('secret'))).to.deep.equal([]);
  });

  it('has accounts of its own, with no password and the shadow closed', async () => {
    const found = await members();
    expect(found.get('etc/shadow')?.header).to.include({ mode: 0o640, uid: 0, gid: 42 });
    const passwords = found
      .get('etc/shadow')
      ?.content.trim()
      .split('\n')
      .map((line) => line.split(':')[1]);
    expect(new Set(passwords)).to.deep.equal(new Set(['*']));
    expect(found.get('etc/passwd')?.content).to.match(/^root:x:0:0:/);
  });

  it('has the links and mount points of the host, and an empty /usr', async () => {
    const found = await members();
    expect(found.get('bin')?.header).to.include({ type: 'symlink', linkname: 'usr/bin' });
    expect(found.get('lib64')?.header.type).to.equal('directory');
    expect([...found.keys()].filter((name) => name.startsWith('usr/'))).to.deep.equal([]);
    expect(found.get('tmp')?.header.mode).to.equal(0o1777);
    expect(found.get('root')?.header.mode).to.equal(0o700);
    expect((await buildSparse(template, context, etc)).config.hostDirs?.map(({ target }) => target)).to.deep.equal([
      '/usr',
      '/lib64',
    ]);
  });

  it('is out of date when a file that it was made of changes', async () => {
    const before = await sparseFingerprint(template, usr, etc);
    expect(await sparseFingerprint(template, usr, etc)).to.equal(before);
    utimesSync(join(etc, 'open'), 1, 1);
    expect(await sparseFingerprint(template, usr, etc)).to.not.equal(before);
  });
});
