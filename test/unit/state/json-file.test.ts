import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { readJson, writeJson } from '../../../src/state/index.js';

describe('state files', () => {
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-json-'));
    path = join(directory, 'x.json');
  });
  after(() => rm(directory, { recursive: true }));

  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error: unknown) => (hasCode(error, 'STATE_CORRUPT', 'STATE_TOO_NEW') ? error.code : String(error)),
    );

  it('reads back what it wrote and leaves no temporary file', async () => {
    await writeJson(path, { version: 1, a: [1, 'x'] });
    expect(await readJson(path, 1)).to.deep.equal({ version: 1, a: [1, 'x'] });
    expect(await readdir(directory)).to.deep.equal(['x.json']);
  });

  it('takes a missing file for nothing', async () =>
    expect(await readJson(join(directory, 'none'), 1)).to.equal(undefined));

  it('refuses what a newer tszone wrote', async () => {
    await writeJson(path, { version: 2 });
    expect(await codeOf(readJson(path, 1))).to.equal('STATE_TOO_NEW');
  });

  for (const text of ['', '{', '[]', 'null', '{"a":1}', '{"version":"1"}']) {
    it(`refuses ${JSON.stringify(text)}`, async () => {
      await writeFile(path, text);
      expect(await codeOf(readJson(path, 1))).to.equal('STATE_CORRUPT');
    });
  }
});
