import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { readJson, writeJson, writeRunTimeFile } from '../../../src/state/index.js';

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

describe('temporary files of killed writers', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-json-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** Of a process that is certainly gone: pids end at 2^22 (proc_sys_kernel(5), pid_max). */
  const deadPid = 5_000_000;
  const twoMinutesAgo = new Date(Date.now() - 120_000);

  async function left(name: string, time: Date): Promise<void> {
    await writeFile(join(directory, name), 'half');
    await utimes(join(directory, name), time, time);
  }

  for (const [what, write] of [
    ['a synced file', (path: string) => writeJson(path, { version: 1 })],
    ['a run-time file', (path: string) => writeRunTimeFile(path, '{}')],
  ] as const) {
    it(`are swept up by who writes ${what} there next`, async () => {
      await left(`.networks.json.${deadPid}.1.tmp`, twoMinutesAgo);
      await left(`.networks.json.${deadPid}.0123456789ab.tmp`, twoMinutesAgo);
      await write(join(directory, 'other.json'));
      expect(await readdir(directory)).to.deep.equal(['other.json']);
    });
  }

  it('are left alone while they may be in use, or are not ours', async () => {
    const kept = [`.a.json.${process.pid}.1.tmp`, '.a.tmp', `a.json.${deadPid}.1.tmp`].sort();
    for (const name of kept) await left(name, twoMinutesAgo);
    await left(`.a.json.${deadPid}.1.tmp`, new Date());
    await writeJson(join(directory, 'other.json'), { version: 1 });
    expect((await readdir(directory)).sort()).to.deep.equal([...kept, `.a.json.${deadPid}.1.tmp`, 'other.json'].sort());
  });

  it('never stand in the way of a process with the same pid', async () => {
    for (let at = 0; at < 200; at += 1) await writeFile(join(directory, `.x.json.${process.pid}.${at}.tmp`), '');
    await writeFile(join(directory, `.${process.pid}.y.json.tmp`), 'half');
    await writeJson(join(directory, 'x.json'), { version: 1 });
    await writeRunTimeFile(join(directory, 'y.json'), '{}');
    expect(await readFile(join(directory, `.${process.pid}.y.json.tmp`), 'utf8')).to.equal('half');
  });
});
