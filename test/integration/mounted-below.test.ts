/** Something that a person has mounted in a zone's directory is not ours to empty. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mountsBelow, stateHandlers } from '../../src/state/index.js';
import { runProgram } from '../helpers/cli.js';
import { requires } from '../helpers/requires.js';
import { tempHost } from '../helpers/temp-host.js';

describe('a mount below a directory that is to be removed', () => {
  before(requires('root'));

  it('is named, and nothing is removed', async () => {
    await using host = await tempHost();
    const path = join(host.directory, 'tree');
    const mount = join(path, 'a b');
    await mkdir(mount, { recursive: true });
    await writeFile(join(path, 'mine'), '');
    await runProgram('mount', ['-t', 'tmpfs', 'none', mount]);
    try {
      await writeFile(join(mount, 'theirs'), '');
      const error = await stateHandlers.apply({ op: 'state.remove', path }).catch((caught: unknown) => caught);
      expect(error).to.have.property('code', 'ZONE_STATE');
      expect(error).to.have.property('hint').that.contains(`umount "${mount}"`);
      expect(await mountsBelow(path)).to.deep.equal([mount]);
      expect(await readdir(mount)).to.deep.equal(['theirs']);
      expect((await readdir(path)).sort()).to.deep.equal(['a b', 'mine']);
    } finally {
      await runProgram('umount', [mount]);
    }
    await stateHandlers.apply({ op: 'state.remove', path });
    expect(await readdir(host.directory)).to.not.include('tree');
  });
});
