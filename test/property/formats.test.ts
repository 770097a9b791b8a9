/** What is written is what is read: sizes, ports, names, plans. Time-boxed; a seed that fails becomes a unit test. */
import { expect } from 'chai';
import fc from 'fast-check';
import { argumentsOf, type EnterOp, encodePlan, enterOps, protocolVersion } from '../../src/helper/protocol.js';
import {
  capabilityMask,
  capabilityNames,
  effectiveCapabilities,
  formatPort,
  formatSize,
  nearest,
  parseMount,
  parsePort,
  parseSize,
  parseZoneChange,
  parseZoneOptions,
  parseZonePath,
} from '../../src/spec/index.js';

const box = { interruptAfterTimeLimit: 10_000, numRuns: 2000 };
const port = fc.integer({ min: 1, max: 65_535 });
const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join('.'));
const pathPart = fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/).filter((part) => part !== '.' && part !== '..');
const zonePath = fc.array(pathPart, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`);

describe('texts of the command line', () => {
  it('a published port is parsed back from what is printed', () => {
    fc.assert(
      fc.property(
        fc.oneof(ipv4, fc.ipV6()),
        port,
        port,
        fc.constantFrom('tcp', 'udp'),
        (hostAddress, hostPort, zonePort, protocol) => {
          const spec = { hostAddress, hostPort, zonePort, protocol } as const;
          fc.pre(!hostAddress.includes('.') || !hostAddress.includes(':'));
          expect(parsePort(formatPort(spec))).to.deep.equal(spec);
        },
      ),
      box,
    );
  });

  it('no text makes the parsers of ports, sizes, mounts and paths throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        for (const parse of [parsePort, parseSize, parseMount, parseZonePath]) parse(text);
      }),
      box,
    );
  });

  it('a size that is printed is what it was, as far as it is shown', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 45 }), (bytes) => {
        const again = parseSize(formatSize(bytes)) ?? Number.NaN;
        expect(Math.abs(again - bytes)).to.be.at.most(Math.max(1, bytes * 0.051));
      }),
      box,
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1023 }), fc.constantFrom('K', 'M', 'G', 'T'), (count, unit) => {
        expect(formatSize(parseSize(`${count}${unit}`) ?? 0)).to.equal(`${count}${unit}`);
      }),
      box,
    );
  });

  it('a path that is accepted is absolute, without dots, and accepted again as it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          zonePath,
          fc.string({ maxLength: 30 }).map((text) => `/${text}`),
        ),
        (text) => {
          const path = parseZonePath(text);
          if (path === undefined) return;
          expect(path.startsWith('/')).to.equal(true);
          expect(path.split('/').slice(1)).not.to.include.members(['..']);
          expect(parseZonePath(path)).to.equal(path);
        },
      ),
      box,
    );
  });

  it('a spec that was parsed is plain JSON and changes nothing when a change says what it has', () => {
    const options = fc.record(
      {
        name: fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,20}$/),
        image: fc.constant('busybox'),
        memory: fc.integer({ min: 1, max: 4096 }).map((count) => `${count}M`),
        cpus: fc.constantFrom(0.5, 1, 2, '1.5'),
        pids: fc.integer({ min: 1, max: 10_000 }),
        env: fc.dictionary(
          fc.stringMatching(/^[A-Z_]{1,8}$/),
          fc.string({ maxLength: 10 }).filter((text) => !text.includes('\0')),
        ),
        port: fc.uniqueArray(port, { maxLength: 3 }).map((list) => list.map((one) => `${one}:80`)),
        mount: fc.uniqueArray(zonePath, { maxLength: 3 }).map((list) => list.map((path) => `/src:${path}:ro`)),
        umask: fc.constantFrom('022', '077', '0002'),
      },
      { requiredKeys: ['name', 'image'] },
    );
    fc.assert(
      fc.property(options, (input) => {
        const spec = parseZoneOptions(input);
        expect(JSON.parse(JSON.stringify(spec))).to.deep.equal(spec);
        expect(parseZoneOptions(input)).to.deep.equal(spec);
        if (input.memory !== undefined) expect(parseZoneChange({ memory: spec.memory }).memory).to.equal(spec.memory);
      }),
      { ...box, numRuns: 500 },
    );
  });

  it('a word is nearest to itself', () => {
    const words = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(words, (known) => {
        for (const word of known) expect(nearest(word, known)).to.equal(word);
      }),
      { ...box, numRuns: 500 },
    );
  });

  it('what is dropped is never in the capability set, and the mask has one bit for each', () => {
    const names = fc.subarray([...capabilityNames]);
    fc.assert(
      fc.property(names, names, (add, drop) => {
        const set = effectiveCapabilities(add, drop);
        expect(set.filter((name) => drop.includes(name))).to.deep.equal([]);
        const bits = capabilityMask(set).toString(2).replaceAll('0', '').length;
        expect(bits).to.equal(set.length);
      }),
      box,
    );
  });
});

/** The reverse of encodePlan, as the helper reads it. */
function decodePlan(bytes: Buffer): { op: string; args: string[] }[] {
  const tokens = bytes.toString().split('\0');
  expect(tokens.pop()).to.equal('');
  expect(tokens.slice(0, 2)).to.deep.equal(['tszone-plan', String(protocolVersion)]);
  const ops: { op: string; args: string[] }[] = [];
  for (let at = 2; at < tokens.length; ) {
    const count = Number(tokens[at + 1]);
    ops.push({ op: tokens[at] ?? '', args: tokens.slice(at + 2, at + 2 + count) });
    at += 2 + count;
  }
  return ops;
}

describe('a plan for the helper', () => {
  const token = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !text.includes('\0'));
  const anyOp = fc.constantFrom(...(Object.keys(enterOps) as EnterOp['op'][])).chain((op) => {
    const fields = enterOps[op].map(
      (name) => [name.replace('*', ''), name.endsWith('*') ? fc.array(token, { maxLength: 5 }) : token] as const,
    );
    return fc.record({ op: fc.constant(op), ...Object.fromEntries(fields) }) as unknown as fc.Arbitrary<EnterOp>;
  });

  it('says on the wire what it says as data, whatever the arguments are', () => {
    fc.assert(
      fc.property(fc.array(anyOp, { maxLength: 20 }), (ops) => {
        expect(decodePlan(encodePlan(ops))).to.deep.equal(ops.map((op) => ({ op: op.op, args: argumentsOf(op) })));
      }),
      { ...box, numRuns: 500 },
    );
  });

  it('cannot be given a NUL', () => {
    expect(() => encodePlan([{ op: 'uts.hostname', name: 'a\0exec.path' }])).to.throw(/NUL/);
  });
});
