/**
 * Archives that lead out of the directory that they are unpacked into. All the ways are in test/integration/unpack.test.ts (names, links,
 * hard links, nodes, PAX, sparse files, a directory that becomes a link) and cp-hostile.test.ts; here they are seen to bite.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { helperPath } from '../../src/helper/index.js';
import { attackProgram } from '../helpers/attack-programs.js';
import { runProgram } from '../helpers/cli.js';
import { requires } from '../helpers/requires.js';
import { pax, rawTar } from '../helpers/tar.js';

describe('An archive writes outside of its directory', () => {
  before(requires('root', 'gcc', 'x86_64'));
  let base: string;
  let root: string;
  let outside: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'tszone-archive-'));
    [root, outside] = [join(base, 'root'), join(base, 'outside')];
    await Promise.all([mkdir(root), mkdir(outside)]);
    await writeFile(join(outside, 'kept'), 'kept');
  });
  afterEach(() => rm(base, { recursive: true, force: true }));

  const archives = () =>
    ({
      'a link': rawTar({ name: 'link', type: '2', link: outside }, { name: 'link/evil', content: 'evil' }),
      'a relative link': rawTar(
        { name: 'link', type: '2', link: '../outside' },
        { name: 'link/evil', content: 'evil' },
      ),
      'a directory that becomes a link': rawTar(
        { name: 'a/', type: '5' },
        { name: 'a/first', content: '1' },
        { name: 'b/', type: '5' },
        { name: 'b/second', content: '2' },
        { name: 'a/first/', type: '2', link: '../../outside' },
        { name: 'a/first/evil', content: 'evil' },
      ),
      'a link behind a long PAX name': rawTar(
        { name: 'link', type: '2', link: outside },
        pax({ path: `link/${'long/'.repeat(40)}../`.replace('../', 'evil') }),
        { name: 'short', content: 'evil' },
      ),
    }) as const;

  /** Unpacked where it stands (`--here`: as in a zone) or confined, with the rules for tamper. */
  async function unpack(archive: Buffer, mode: readonly string[], tamper: readonly string[] = []): Promise<string[]> {
    const helper = [helperPath(), 'unpack', ...mode, '--root', root];
    const [program = '', ...args] =
      tamper.length === 0 ? helper : [await attackProgram('tamper'), ...tamper, '--', ...helper];
    await runProgram(program, args, { input: archive });
    expect(await readFile(join(outside, 'kept'), 'utf8')).to.equal('kept');
    return readdir(outside);
  }

  for (const mode of [[], ['--here']] as const) {
    it(`it does not, ${mode.length === 0 ? 'confined' : 'unconfined neither'}`, async () => {
      for (const [what, archive] of Object.entries(archives())) {
        expect(await unpack(archive, mode), what).to.deep.equal(['kept']);
      }
    });
  }

  it('gets through without RESOLVE_IN_ROOT, unconfined', async () => {
    for (const [what, archive] of Object.entries(archives())) {
      await rm(join(outside), { recursive: true });
      await mkdir(outside);
      await writeFile(join(outside, 'kept'), 'kept');
      await rm(root, { recursive: true });
      await mkdir(root);
      const found = await unpack(archive, ['--here'], ['naive', '']);
      expect(found, what).to.have.length(2);
    }
  });

  it('nor does it without RESOLVE_IN_ROOT alone: the root of its own is left', async () => {
    for (const [what, archive] of Object.entries(archives())) {
      expect(await unpack(archive, [], ['naive', '']), what).to.deep.equal(['kept']);
    }
  });
});
