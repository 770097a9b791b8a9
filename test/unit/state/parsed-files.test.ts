import { mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keepParsedFiles, parsedOnce } from '../../../src/state/parsed-files.js';

const longAgo = new Date('2020-01-02T03:04:05Z');

describe('parsed files that are kept', () => {
  let directory: string;
  let path: string;
  let parses: number;
  let stop: () => void;
  beforeEach(async () => {
    stop = keepParsedFiles();
    directory = await mkdtemp(join(tmpdir(), 'tszone-parsed-'));
    path = join(directory, 'zone.json');
    parses = 0;
  });
  afterEach(() => {
    stop();
    return rm(directory, { recursive: true });
  });

  /** Written aside and renamed, as all state is. */
  async function replace(text: string, time = longAgo): Promise<void> {
    await writeFile(`${path}.new`, text);
    await utimes(`${path}.new`, time, time);
    await rename(`${path}.new`, path);
  }
  const read = (value: unknown = {}) =>
    parsedOnce(path, async () => {
      parses += 1;
      return value;
    });

  it('are parsed once as long as they are what they were', async () => {
    await replace('one');
    const first = {};
    expect(await read(first)).to.equal(first);
    expect(await read()).to.equal(first);
    expect(parses).to.equal(1);
  });

  it('are parsed again when another file of the same size and time has taken their place', async () => {
    await replace('one');
    await read('one');
    await replace('two');
    expect(await read('two')).to.equal('two');
    expect(await read('three')).to.equal('two');
  });

  it('are parsed again when they were changed in place', async () => {
    await replace('one');
    await read('one');
    await writeFile(path, 'two');
    expect(await read('two')).to.equal('two');
  });

  it('are not kept while they are young: a second change could look like the first', async () => {
    const now = Date.now();
    await replace('one', new Date(now));
    const clock = Date.now;
    try {
      for (const [laterMs, times] of [
        [0, 1],
        [50, 2],
        [500, 3],
        [501, 3],
      ] as const) {
        Date.now = () => now + laterMs;
        await read();
        expect(parses, `${laterMs} ms later`).to.equal(times);
      }
    } finally {
      Date.now = clock;
    }
  });

  it('are not kept if they were young when they were looked at, however long they are parsed', async () => {
    const now = Date.now();
    await replace('one', new Date(now));
    const clock = Date.now;
    const parseFor = (ms: number) =>
      parsedOnce(path, async () => {
        parses += 1;
        Date.now = () => now + ms;
        return {};
      });
    try {
      Date.now = () => now;
      await parseFor(500);
      await parseFor(500);
      await parseFor(500);
    } finally {
      Date.now = clock;
    }
    expect(parses).to.equal(2);
  });

  it('are not kept if their time is yet to come', async () => {
    await replace('one', new Date(Date.now() + 3_600_000));
    await read();
    await read();
    expect(parses).to.equal(2);
  });

  it('are gone when they are removed, and new when they come back', async () => {
    await replace('one');
    await read('one');
    await rm(path);
    expect(await read('none')).to.equal(undefined);
    expect(parses).to.equal(1);
    await replace('one');
    expect(await read('again')).to.equal('again');
  });

  it('that cannot be parsed fail each time', async () => {
    await replace('one');
    const fail = () => parsedOnce(path, () => Promise.reject(new Error('not JSON')));
    for (const _ of [1, 2]) expect(await fail().catch((error: Error) => error.message)).to.equal('not JSON');
    expect(await read('now')).to.equal('now');
  });

  it('that cannot be looked at are left to the parser', async () => {
    // ELOOP. That a directory is missing, or is none, is for node to call by the one name or the other.
    const loop = `${path}-loop`;
    await symlink(loop, loop);
    expect(await parsedOnce(loop, async () => 'its word')).to.equal('its word');
  });
});
