import { appendFile, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type LogOptions, readLogFiles } from '../../../src/operations/read-logs.js';

const stamp = '2026-01-02T03:04:05.678Z stdout ';
const line = (text: string | Buffer) => Buffer.concat([Buffer.from(stamp), Buffer.from(text), Buffer.from('\n')]);

describe('the files of a log', () => {
  let directory: string;
  let log: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-logs-'));
    log = join(directory, 'log');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function texts(options: LogOptions = {}): Promise<string[]> {
    const found: string[] = [];
    for await (const { text } of readLogFiles(log, async () => false, options)) found.push(text);
    return found;
  }

  /** Does the steps while it is followed, each before one look at whether the zone is alive; then the zone has ended. */
  async function followed(...steps: readonly (() => Promise<unknown>)[]): Promise<string[]> {
    const left = [...steps];
    const isAlive = async () => {
      const step = left.shift();
      await step?.();
      return step !== undefined;
    };
    const found: string[] = [];
    for await (const { text } of readLogFiles(log, isAlive, { follow: true })) found.push(text);
    return found;
  }

  const rotate = async () => {
    await rename(`${log}.1`, `${log}.2`).catch(() => {});
    await rename(log, `${log}.1`);
    await writeFile(log, '');
  };
  const say = (text: string | Buffer) => appendFile(log, line(text));

  it('are read oldest first', async () => {
    await writeFile(`${log}.2`, line('one'));
    await writeFile(`${log}.1`, line('two'));
    await writeFile(log, line('three'));
    expect(await texts()).to.deep.equal(['one', 'two', 'three']);
    expect(await texts({ tail: 2 })).to.deep.equal(['two', 'three']);
  });

  it('are empty if there are none', async () => {
    expect(await texts()).to.deep.equal([]);
    expect(await followed(async () => {})).to.deep.equal([]);
  });

  it('keep what follows a carriage return, and what is no UTF-8 is replaced', async () => {
    await writeFile(
      log,
      Buffer.concat([line('10%\r20%\r30%'), line(Buffer.from([0x61, 0xff, 0xfe, 0x62])), line('é')]),
    );
    expect(await texts()).to.deep.equal(['10%\r20%\r30%', 'a\ufffd\ufffdb', 'é']);
  });

  it('show the beginning of a line that was cut off', async () => {
    await writeFile(log, line('whole').subarray(0, -3));
    expect(await texts()).to.deep.equal(['who']);
  });

  it('are read whole when they are longer than one read', async () => {
    const many = Array.from({ length: 3000 }, (_, index) => `${index} ${'é'.repeat(50)}`);
    await writeFile(log, Buffer.concat(many.map(line)));
    expect(await texts()).to.deep.equal(many);
  });

  it('followed: each line comes once, whatever bytes it is made of', async () => {
    await writeFile(log, Buffer.concat([line(Buffer.from([0xff, 0xfe, 0xfd])), line('a\rb')]));
    const seen = await followed(
      () => say('x'),
      async () => {},
      () => say(Buffer.from([0x80])),
      async () => {},
    );
    expect(seen).to.deep.equal(['\ufffd\ufffd\ufffd', 'a\rb', 'x', '\ufffd']);
  });

  it('followed: a line that is written in two parts is one', async () => {
    await writeFile(log, '');
    const whole = line('é together');
    const cut = stamp.length + 1;
    expect(
      await followed(
        () => appendFile(log, whole.subarray(0, cut)),
        () => appendFile(log, whole.subarray(cut)),
      ),
    ).to.deep.equal(['é together']);
  });

  it('followed: the end of a file that is rotated away comes before the next one', async () => {
    await writeFile(log, line('one'));
    const seen = await followed(
      async () => {
        await say('two');
        await rotate();
        await say('three');
      },
      rotate,
      () => say('four'),
    );
    expect(seen).to.deep.equal(['one', 'two', 'three', 'four']);
  });

  it('followed: two rotations at once lose nothing', async () => {
    await writeFile(log, line('one'));
    const seen = await followed(async () => {
      await say('two');
      await rotate();
      await say('three');
      await rotate();
      await say('four');
    });
    expect(seen).to.deep.equal(['one', 'two', 'three', 'four']);
  });

  it('followed: a log of a single file begins again when it is emptied', async () => {
    await writeFile(log, Buffer.concat([line('one'), line('two')]));
    const seen = await followed(async () => {
      await truncate(log);
      await say('three');
    });
    expect(seen).to.deep.equal(['one', 'two', 'three']);
  });

  it('followed: begins with the first file that there is', async () => {
    expect(
      await followed(
        async () => {},
        () => say('first'),
      ),
    ).to.deep.equal(['first']);
  });

  it('followed: ends when it is no longer wanted', async () => {
    await writeFile(log, line('one'));
    const signal = AbortSignal.abort();
    const found: string[] = [];
    for await (const { text } of readLogFiles(log, async () => true, { follow: true, signal })) found.push(text);
    expect(found).to.deep.equal(['one']);
  });
});
