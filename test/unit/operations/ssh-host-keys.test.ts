import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hostKeyKinds, makeHostKey } from '../../../src/operations/ssh-host-keys.js';
import { outputOf } from '../../helpers/cli.js';

describe('ssh host keys', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-keys-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  for (const kind of hostKeyKinds) {
    it(`of the kind ${kind} are read by ssh-keygen, which finds the same public key in them`, async () => {
      const { privateText, publicText } = makeHostKey(kind, 'root@web');
      const path = join(directory, kind);
      await writeFile(path, privateText, { mode: 0o600 });
      const found = (await outputOf('ssh-keygen', ['-yf', path])).split(' ').slice(0, 2);
      expect(found.map((one) => one.trim())).to.deep.equal(publicText.split(' ').slice(0, 2));
    });
  }
});
