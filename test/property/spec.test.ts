import { expect } from 'chai';
import fc from 'fast-check';
import { argumentsOf, type EnterOp, encodePlan, enterOps, protocolVersion } from '../../src/helper/protocol.js';
import { formatPort, parseMount, parsePort, parseSize, parseZonePath } from '../../src/spec/index.js';
import { editDistance, nearest } from '../../src/spec/nearest.js';

const limit = { interruptAfterTimeLimit: 10_000, numRuns: 1000 };
const port = fc.integer({ min: 1, max: 65_535 });

describe('spec properties', () => {
  it('a published port reads back as what was written', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((text) => !text.includes('.')),
    );
    fc.assert(
      fc.property(address, port, port, fc.constantFrom('tcp', 'udp'), (hostAddress, hostPort, zonePort, protocol) => {
        const spec = { hostAddress, hostPort, zonePort, protocol } as const;
        expect(parsePort(formatPort(spec))).to.deep.equal(spec);
      }),
      limit,
    );
  });

  it('a size in bytes is itself, and each unit is 1024 of the one before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4096 }), (count) => {
        expect(parseSize(String(count))).to.equal(count);
        for (const [at, unit] of ['K', 'M', 'G', 'T'].entries())
          expect(parseSize(`${count}${unit}`)).to.equal(count * 1024 ** (at + 1));
      }),
      limit,
    );
  });

  it('no text makes a parser throw, and no path that is taken leads up', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        for (const parse of [parseSize, parsePort, parseMount]) expect(() => parse(text)).to.not.throw();
        expect(parseZonePath(`/${text}`)?.split('/') ?? []).to.not.include('..');
      }),
      limit,
    );
  });

  it('edit distance is a metric', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, a)).to.equal(0);
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, c)).to.be.at.most(editDistance(a, b) + editDistance(b, c));
      }),
      { ...limit, numRuns: 300 },
    );
  });

  it('a word that is known is nearest to itself', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,8}$/), { minLength: 1 }), (known) => {
        const [word = ''] = known;
        expect(nearest(word, known)).to.equal(word);
      }),
      limit,
    );
  });
});

describe('protocol properties', () => {
  const names = Object.keys(enterOps) as (keyof typeof enterOps)[];
  const value = fc.string().filter((text) => !text.includes('\0'));
  const anyOp = fc.constantFrom(...names).chain((op) =>
    fc.tuple(...enterOps[op].map((name) => (name.endsWith('*') ? fc.array(value) : value))).map((values) => {
      const fields = enterOps[op].map((name, at) => [name.replace('*', ''), values[at]] as const);
      return { op, ...Object.fromEntries(fields) } as unknown as EnterOp;
    }),
  );

  it('a plan on the wire holds exactly its ops and arguments', () => {
    fc.assert(
      fc.property(fc.array(anyOp), (ops) => {
        const [magic, version, ...tokens] = encodePlan(ops).toString().split('\0').slice(0, -1);
        expect([magic, version]).to.deep.equal(['tszone-plan', String(protocolVersion)]);
        const read: string[][] = [];
        for (let at = 0; at < tokens.length; at += 2 + Number(tokens[at + 1]))
          read.push([tokens[at] ?? '', ...tokens.slice(at + 2, at + 2 + Number(tokens[at + 1]))]);
        expect(read).to.deep.equal(ops.map((op) => [op.op, ...argumentsOf(op)]));
      }),
      { ...limit, numRuns: 300 },
    );
  });
});
