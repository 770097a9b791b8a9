/**
 * The kernel runs a filter as test/helpers/bpf.ts does: every call of x86_64, i386 and x32, under a filter whose verdicts have all been
 * turned into errnos that no call gives, so that nothing is let through.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { numbersOf } from '../../src/seccomp/architectures.js';
import { compilePolicy } from '../../src/seccomp/compile.js';
import { defaultPolicy } from '../../src/seccomp/default-policy.js';
import type { Policy } from '../../src/seccomp/policy.js';
import { audit, verdictOf } from '../helpers/bpf.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

/** Errnos that are none: 1000 and what the verdict was. */
function withoutEffect(program: Buffer): Buffer {
  const changed = Buffer.from(program);
  const kinds = [0x7fff_0000, 0x7ffc_0000, 0x0003_0000, 0x7ff0_0000, 0x8000_0000, 0];
  for (let at = 0; at < changed.length; at += 8) {
    if (changed.readUInt16LE(at) !== 0x06) continue;
    const action = changed.readUInt32LE(at + 4);
    const kind = kinds.indexOf((action & 0xffff_0000) >>> 0);
    changed.writeUInt32LE(0x0005_0000 + (kind < 0 ? 1000 + (action & 0xffff) : 2000 + kind), at + 4);
  }
  return changed;
}

interface Call {
  readonly bits: 64 | 32;
  readonly number: number;
  readonly args: readonly bigint[];
}

const word = 0xffff_ffffn;
const values = [
  0n,
  1n,
  2n,
  10n,
  16n,
  17n,
  38n,
  40n,
  0x1000_0000n,
  0x1000_0011n,
  word,
  1n << 32n,
  (40n << 32n) | 2n,
  (1n << 64n) - 1n,
];

/** uretprobe and uprobe, which only the kernel's own trampolines make: it lets them past filters, and kills who makes them otherwise. */
const unfiltered = [335, 336];

function sample(): Call[] {
  const calls: Call[] = [];
  const argsAt = (turn: number) =>
    Array.from({ length: 6 }, (_, index) => values[(turn * 5 + index * 3) % values.length] ?? 0n);
  const numbers = [
    ...Array.from({ length: 480 }, (_, number) => number),
    999,
    0x3fff_ffff,
    0x4000_0000,
    0x4000_0001,
    0x4000_0208,
  ];
  for (const number of numbers.filter((one) => !unfiltered.includes(one)))
    for (let turn = 0; turn < values.length; turn += 1) calls.push({ bits: 64, number, args: argsAt(turn) });
  // The sixth of a 32-bit program is in a register that the compiler keeps.
  for (const number of numbers.filter((one) => one < 0x4000_0000))
    for (let turn = 0; turn < values.length; turn += 1)
      calls.push({ bits: 32, number, args: argsAt(turn).map((one) => one & word) });
  return calls;
}

/** With comparisons of every kind, of arguments that both have. */
const comparing: Policy = {
  architectures: ['i386'],
  otherwise: 0x0005_0001,
  calls: new Map(
    (['ne', 'lt', 'le', 'eq', 'ge', 'gt'] as const).flatMap((op, index) =>
      [...numbersOf('x86_64').keys()]
        .filter((_, at) => at % 60 === index * 10)
        .map((name) => [
          name,
          {
            cases: [
              { conditions: [{ index: index % 3, op, value: 16n, mask: (1n << 64n) - 1n }], action: 0x7fff_0000 },
              { conditions: [{ index: 3, op, value: 1n << 32n, mask: (1n << 64n) - 1n }], action: 0x7ffc_0000 },
              { conditions: [{ index: 4, op: 'eq', value: 16n, mask: 0x1_0000_0010n }], action: 0 },
            ],
            otherwise: 0x8000_0000,
          },
        ]),
    ),
  ),
};

describe('the kernel, under a seccomp filter', function () {
  this.timeout(patience(120_000));
  let directory: string;
  before('what it needs', function () {
    requires('gcc', 'x86_64').call(this);
    directory = mkdtempSync(join(tmpdir(), 'tszone-kernel-'));
    execFileSync('gcc', [
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-o',
      join(directory, 'kernel'),
      'test/fixtures/seccomp/kernel.c',
    ]);
  });
  after(() => directory !== undefined && rmSync(directory, { recursive: true }));

  function inKernel(program: Buffer, calls: readonly Call[]): number[] {
    const input = Buffer.alloc(calls.length * 64);
    for (const [index, { bits, number, args }] of calls.entries())
      for (const [at, field] of [BigInt(bits), BigInt(number), ...args].entries())
        input.writeBigUInt64LE(field, index * 64 + at * 8);
    const path = join(directory, 'filter');
    writeFileSync(path, program);
    const output = execFileSync(join(directory, 'kernel'), [path], { input, maxBuffer: 1 << 24 });
    return calls.map((_, index) => -output.readInt32LE(index * 4));
  }

  const programs: readonly [string, Policy][] = [
    ['the default', defaultPolicy({ nesting: false, is32Bit: false })],
    ['one of comparisons', comparing],
  ];
  for (const [what, policy] of programs)
    it(`gives every call the verdict that it has here: ${what}`, () => {
      const program = withoutEffect(compilePolicy(policy, 'x86_64'));
      const calls = sample();
      const seen = inKernel(program, calls);
      const expected = calls.map(({ bits, number, args }) => {
        const architecture = bits === 64 ? audit.x86_64 : audit.i386;
        return verdictOf(program, { number, architecture, args }) & 0xffff;
      });
      const differences = calls.filter((_, index) => seen[index] !== expected[index]);
      expect(differences.slice(0, 3)).to.deep.equal([]);
      expect(new Set(seen).size, 'kinds of verdicts').to.be.at.least(4);
      const x32 = calls.flatMap(({ number }, index) => (number >= 0x4000_0000 ? [seen[index]] : []));
      expect(new Set(x32), 'x32').to.deep.equal(new Set([1038]));
    });
});
