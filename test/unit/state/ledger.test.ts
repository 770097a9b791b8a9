import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { Ledger, type LedgerIndex } from '../../../src/state/ledger.js';
import { patience } from '../../helpers/patience.js';

interface Thing {
  readonly owner: string;
  readonly what: string;
  readonly ephemeral?: true;
}

/** Not by what is in it: the first line has twelve hex digits by chance. */
const lineOfB = /^\["b",.*$/m;

class Whats implements LedgerIndex<Thing> {
  readonly whats: string[] = [];
  add({ what }: Thing): void {
    this.whats.push(what);
  }
  remove({ what }: Thing): void {
    this.whats.splice(this.whats.indexOf(what), 1);
  }
}

describe('a ledger', () => {
  let directory = '';
  const at = (name: string) => join(directory, name);
  const older = (name: string) => ({
    path: at(name),
    entriesOf: (file: object) => ('things' in file ? (file.things as Thing[]) : []),
    without: () => ({ version: 2 }),
  });
  /** As another process would. */
  const open = () =>
    new Ledger<Thing, Whats>({
      ownerOf: ({ owner }) => owner,
      isEntry: ({ owner, what }) => typeof owner === 'string' && typeof what === 'string',
      makeIndex: () => new Whats(),
      lasting: { path: at('things.jsonl'), older: older('things.json') },
      thisBoot: { path: at('run.jsonl'), older: older('run.json') },
    });
  const thing = (owner: string, what: string, ephemeral?: true): Thing =>
    ephemeral === undefined ? { owner, what } : { owner, what, ephemeral };
  const give = (ledger: ReturnType<typeof open>, owner: string, ...whats: string[]) =>
    ledger.refresh(true).write(new Map([[owner, whats.map((what) => thing(owner, what))]]));
  const whats = (ledger: ReturnType<typeof open>) =>
    ledger
      .refresh()
      .all()
      .map(({ what }) => what);
  const lines = (name = 'things.jsonl') => readFileSync(at(name), 'utf8').split('\n').length - 1;
  const codeOf = (work: () => unknown) => {
    try {
      work();
      return 'none';
    } catch (error) {
      return `${(error as { code: string }).code}: ${(error as Error).message}`;
    }
  };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-ledger-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('says the same to everybody, whoever wrote it', async () => {
    const [one, other] = [open(), open()];
    await give(one, 'a', 'a1');
    expect(whats(other)).to.deep.equal(['a1']);
    await give(other, 'b', 'b1', 'b2');
    await give(one, 'a', 'a2');
    for (const ledger of [one, other, open()]) expect(whats(ledger)).to.have.members(['a2', 'b1', 'b2']);
    expect(one.of('b')).to.deep.equal([thing('b', 'b1'), thing('b', 'b2')]);
    await give(other, 'b');
    expect(one.refresh().of('b')).to.deep.equal([]);
  });

  it('tells what one owner has without reading what others have', async () => {
    const ledger = open();
    for (const owner of ['b', 'ab', 'a', 'a"b', 'abc']) await give(ledger, owner, `${owner}1`);
    await give(ledger, 'a', 'a2');
    await give(ledger, 'abc');
    const text = readFileSync(at('things.jsonl'), 'utf8');
    writeFileSync(at('things.jsonl'), text.replace(lineOfB, '["b"'));
    const other = open().refresh();
    const found = (owner: string) => other.of(owner).map(({ what }) => what);
    expect(['a', 'ab', 'a"b', 'abc', 'c'].map(found)).to.deep.equal([['a2'], ['ab1'], ['a"b1'], [], []]);
    expect(codeOf(() => other.all())).to.match(/^STATE_CORRUPT: .* in line 2$/);
  });

  it('loses nothing in a change of two owners that is cut in between', async () => {
    const ledger = open();
    await give(ledger, 'old', 'what');
    const { size } = statSync(at('things.jsonl'));
    await ledger.write(
      new Map([
        ['old', []],
        ['new', [thing('new', 'what')]],
      ]),
    );
    expect(ledger.all()).to.deep.equal([thing('new', 'what')]);
    truncateSync(at('things.jsonl'), readFileSync(at('things.jsonl')).indexOf('\n', size) + 1);
    expect(open().refresh().all()).to.deep.equal([thing('old', 'what'), thing('new', 'what')]);
  });

  it('keeps its index as it is changed by others', async () => {
    const [one, other] = [open(), open()];
    await give(one, 'a', 'a1');
    expect(one.index.whats).to.deep.equal(['a1']);
    await give(other, 'b', 'b1');
    await give(other, 'a', 'a2');
    expect(one.refresh().index.whats).to.deep.equal(['b1', 'a2']);
  });

  it('grows by a line a change, and only where something changes', async () => {
    const ledger = open();
    await give(ledger, 'a', 'a1');
    const before = statSync(at('things.jsonl'));
    for (const what of ['a2', 'a3']) await give(ledger, 'a', what);
    await ledger.write(new Map([['a', ledger.of('a')]]));
    await give(ledger, 'never');
    expect(lines()).to.equal(4);
    expect(statSync(at('things.jsonl')).ino).to.equal(before.ino);
  });

  it('is written anew when most of it is outdated, and read on by all', async () => {
    const [writer, reader] = [open(), open()];
    for (let count = 0; count < 300; count += 1) {
      await give(writer, `owner${count % 3}`, `what${count}`);
      if (count % 7 === 0) expect(whats(reader)).to.include(`what${count}`);
    }
    expect(lines()).to.be.below(100);
    for (const ledger of [writer, reader, open()])
      expect(whats(ledger).sort()).to.deep.equal(['what297', 'what298', 'what299']);
  });

  it('keeps what does not outlive the boot apart, and no file when there is none', async () => {
    const ledger = open();
    await give(ledger, 'a', 'a1');
    await ledger.write(new Map([['b', [thing('b', 'b1', true)]]]));
    expect(readFileSync(at('things.jsonl'), 'utf8')).to.not.include('"b1"');
    expect(whats(open())).to.deep.equal(['a1', 'b1']);
    await ledger.refresh(true).write(new Map([['b', []]]));
    expect(existsSync(at('run.jsonl'))).to.equal(false);
    expect(whats(open())).to.deep.equal(['a1']);
  });

  describe('whose writer was killed', () => {
    it('does not count a line without its end, and goes on behind the last whole one', async () => {
      const [one, other] = [open(), open()];
      await give(one, 'a', 'a1');
      appendFileSync(at('things.jsonl'), '["b",[{"owner":"b","what":"ha');
      expect(whats(other)).to.deep.equal(['a1']);
      await give(other, 'c', 'c1');
      for (const ledger of [one, other, open()]) expect(whats(ledger)).to.deep.equal(['a1', 'c1']);
    });

    it('forgets a line that was taken back, also when another of its length has come since', async () => {
      const [one, other] = [open(), open()];
      await give(one, 'a', 'a1');
      const { size } = statSync(at('things.jsonl'));
      appendFileSync(at('things.jsonl'), '["b",[{"owner":"b","what":"b1"}]]\n');
      expect(whats(other)).to.deep.equal(['a1', 'b1']);
      truncateSync(at('things.jsonl'), size);
      appendFileSync(at('things.jsonl'), '["c",[{"owner":"c","what":"c1"}]]\n');
      for (const ledger of [one, other])
        expect(
          ledger
            .refresh(true)
            .all()
            .map(({ what }) => what),
        ).to.deep.equal(['a1', 'c1']);
    });
  });

  describe('that cannot be read', () => {
    it('is named, with the line', async () => {
      const ledger = open();
      for (const owner of ['a', 'b', 'c']) await give(ledger, owner, `${owner}1`);
      const text = readFileSync(at('things.jsonl'), 'utf8');
      for (const bad of ['["b",[{"owner":"b"}]]', '{}', '["b",["what"]]', 'b1', '["b"', '']) {
        writeFileSync(at('things.jsonl'), text.replace(lineOfB, bad));
        for (const one of [ledger, open()])
          expect(
            codeOf(() => one.refresh().all()),
            bad,
          ).to.match(/^STATE_CORRUPT: .*things.jsonl" makes no sense in line 3$/);
      }
      writeFileSync(at('things.jsonl'), text);
      expect(whats(ledger)).to.deep.equal(['a1', 'b1', 'c1']);
    });

    it('is named when its first line is not one, or of a newer tszone', async () => {
      const ledger = open();
      await give(ledger, 'a', 'a1');
      for (const [head, code] of [
        ['', 'STATE_CORRUPT'],
        ['\0\0\0\0', 'STATE_CORRUPT'],
        ['{"version":2}\n', 'STATE_TOO_NEW'],
      ] as const) {
        writeFileSync(at('things.jsonl'), head);
        for (const one of [ledger, open()])
          expect(
            codeOf(() => one.refresh()),
            head,
          ).to.match(new RegExp(`^${code}: .*things.jsonl"`));
      }
    });

    it('is nothing if it was moved away', async () => {
      const ledger = open();
      await give(ledger, 'a', 'a1');
      rmSync(at('things.jsonl'));
      for (const one of [ledger, open()]) expect(whats(one)).to.deep.equal([]);
      await give(ledger, 'b', 'b1');
      for (const one of [ledger, open()]) expect(whats(one)).to.deep.equal(['b1']);
    });
  });

  describe('in its older form', () => {
    const olderFile = { version: 1, things: [thing('a', 'a1'), thing('a', 'a2'), thing('b', 'b1')] };
    beforeEach(() => writeFileSync(at('things.json'), JSON.stringify(olderFile)));

    it('is read, and taken over by the first change', async () => {
      const [one, other] = [open(), open()];
      expect(whats(one)).to.deep.equal(['a1', 'a2', 'b1']);
      expect(existsSync(at('things.jsonl'))).to.equal(false);
      await give(other, 'b', 'b2');
      expect(JSON.parse(readFileSync(at('things.json'), 'utf8'))).to.deep.equal({ version: 2 });
      for (const ledger of [one, other, open()]) expect(whats(ledger)).to.deep.equal(['a1', 'a2', 'b2']);
    });

    it('counts as long as it is there: what a killed takeover has written is nothing', async () => {
      const killed = open();
      await give(killed, 'b', 'b2');
      writeFileSync(at('things.json'), JSON.stringify({ version: 1, things: [thing('a', 'a3')] }));
      for (const ledger of [killed, open()]) expect(whats(ledger)).to.deep.equal(['a3']);
      await give(killed, 'c', 'c1');
      for (const ledger of [killed, open()]) expect(whats(ledger)).to.deep.equal(['a3', 'c1']);
    });

    it('is named if it cannot be read', () => {
      writeFileSync(at('things.json'), '{"version": 1, "thi');
      expect(codeOf(() => open().refresh())).to.match(/^STATE_CORRUPT: .*things.json" is not JSON$/);
    });
  });

  it('can be removed by another process at any moment: then nobody has anything', async function () {
    const longestMs = patience(60_000);
    this.timeout(2 * longestMs);
    const maker = open();
    await maker.refresh(true).write(new Map([['web', [thing('web', 'a', true)]]]));
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { workerData: { path, text, stop } } = require('node:worker_threads');
       const { renameSync, rmSync, writeFileSync } = require('node:fs');
       while (Atomics.load(stop, 0) === 0) {
         writeFileSync(path + '.new', text);
         renameSync(path + '.new', path);
         rmSync(path);
       }`,
      { eval: true, workerData: { path: at('run.jsonl'), text: readFileSync(at('run.jsonl')), stop } },
    );
    await once(worker, 'online');
    const seen = new Set<number>();
    const deadline = performance.now() + longestMs;
    const isOver = () => performance.now() > deadline;
    try {
      // Of two processors one may be somebody else's for a while: until both have been seen.
      for (let round = 0; round < 20_000 || (seen.size < 2 && !isOver()); round += 1) seen.add(whats(open()).length);
    } finally {
      Atomics.store(stop, 0, 1);
      await once(worker, 'exit');
    }
    expect([...seen].toSorted()).to.deep.equal([0, 1]);
  });
});
