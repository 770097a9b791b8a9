/** `cp` out of a zone that sends what nobody asked for. All the ways are in test/integration/cp-hostile.test.ts; here they are seen to bite. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../src/errors/index.js';
import { helperPath } from '../../src/helper/index.js';
import { receive } from '../../src/operations/copy-files.js';
import { runProgram } from '../helpers/cli.js';
import { fakePacker } from '../helpers/fake-packer.js';
import { failure } from '../helpers/helper-plan.js';
import { requires } from '../helpers/requires.js';
import { rawTar } from '../helpers/tar.js';

describe('A copy out of a zone brings along what nobody asked for', () => {
  before(requires('root'));
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'tszone-copy-'));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const asked = { name: 'data/', type: '5' } as const;
  const archive = rawTar(asked, { name: 'data/file', content: 'x' }, { name: '.bashrc', content: 'evil' });

  it('nothing of it is there', async () => {
    const copy = receive({ zone: 'box', zonePath: '/data', hostPath: home }, (unpack) => unpack(fakePacker(archive)));
    expect(hasCode(await failure(copy), 'KERNEL_STEP_FAILED')).to.equal(true);
    expect(await readdir(home)).to.deep.equal([]);
  });

  it('the copy itself is taken, without the rest', async () => {
    const honest = rawTar(asked, { name: 'data/file', content: 'x' });
    await receive({ zone: 'box', zonePath: '/data', hostPath: home }, (unpack) => unpack(fakePacker(honest)));
    expect(await readdir(home)).to.deep.equal(['data']);
  });

  it('gets through without --only of the unpacker, and the directory beside from which one name is taken', async () => {
    await runProgram(helperPath(), ['unpack', '--root', home, '--no-owner'], { input: archive });
    expect((await readdir(home)).toSorted()).to.deep.equal(['.bashrc', 'data']);
  });
});
