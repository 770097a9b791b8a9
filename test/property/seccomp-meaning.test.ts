/** A filter does what its policy says, word for word: asked of the policy itself, for conditions of every kind and overlap. */
import { expect } from 'chai';
import fc from 'fast-check';
import { severity } from '../../src/seccomp/actions.js';
import { architectures, numbersOf, runsOn } from '../../src/seccomp/architectures.js';
import { compilePolicy } from '../../src/seccomp/compile.js';
import { multiplexedNames } from '../../src/seccomp/multiplexed.js';
import type { Action, Architecture, Condition, Policy, Verdict } from '../../src/seccomp/policy.js';
import { audit, verdictName, verdictOf } from '../helpers/bpf.js';

const word = 0xffff_ffffn;

function holds({ index, op, value, mask }: Condition, args: readonly bigint[], bits: 32 | 64): boolean {
  const cut = (number: bigint) => BigInt.asUintN(bits, number);
  const argument = cut((args[index] ?? 0n) & mask);
  const compared = cut(value);
  if (op === 'eq') return argument === compared;
  if (op === 'ne') return argument !== compared;
  if (op === 'lt') return argument < compared;
  if (op === 'le') return argument <= compared;
  return op === 'ge' ? argument >= compared : argument > compared;
}

function meaning({ cases, otherwise }: Verdict, args: readonly bigint[], bits: 32 | 64): Action {
  return cases.find(({ conditions }) => conditions.every((one) => holds(one, args, bits)))?.action ?? otherwise;
}

const actions = [0x7fff_0000, 0x7ffc_0000, 0x0005_0001, 0x0005_0026, 0x0003_0000, 0x8000_0000, 0];
const action = fc.constantFrom(...actions);
const value64 = fc.oneof(
  fc.bigInt(0n, 40n),
  fc.bigInt(0n, word),
  fc.bigInt(0n, (1n << 64n) - 1n),
  fc.constantFrom(0n, 1n << 31n, word, 1n << 32n, (1n << 64n) - 1n),
);
const order = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  op: fc.constantFrom<Condition['op']>('ne', 'lt', 'le', 'eq', 'ge', 'gt'),
  value: value64,
  mask: fc.constant((1n << 64n) - 1n),
});
const masked = fc
  .record({
    index: fc.integer({ min: 0, max: 5 }),
    op: fc.constant<Condition['op']>('eq'),
    mask: value64,
    bits: value64,
  })
  .map(({ index, op, mask, bits }) => ({ index, op, mask, value: bits & mask }));
const condition: fc.Arbitrary<Condition> = fc.oneof(order, masked);
const verdict: fc.Arbitrary<Verdict> = fc.record({
  cases: fc.array(fc.record({ conditions: fc.array(condition, { minLength: 1, maxLength: 4 }), action }), {
    maxLength: 6,
  }),
  otherwise: action,
});

const names = [...new Set((['x86_64', 'i386', 'aarch64'] as const).flatMap((one) => [...numbersOf(one).keys()]))];
const policy: fc.Arbitrary<Policy> = fc.record({
  architectures: fc.subarray<Architecture>(['x86_64', 'i386', 'aarch64']),
  otherwise: action,
  calls: fc
    .array(fc.tuple(fc.constantFrom(...names, ...multiplexedNames), verdict), { maxLength: 60 })
    .map((entries) => new Map(entries)),
});

/** For each condition of the call, arguments at which it turns. */
function argumentSets({ cases }: Verdict, random: readonly bigint[]): bigint[][] {
  const conditions = cases.flatMap((one) => one.conditions);
  const turning = conditions.flatMap(({ index, value }) =>
    [value - 1n, value, value + 1n, value ^ (1n << 32n), value ^ 1n].map((near) => {
      const args = [...random];
      args[index] = BigInt.asUintN(64, near);
      return args;
    }),
  );
  const whole = cases.map((one) => {
    const args = [...random];
    for (const { index, value } of one.conditions) args[index] = value;
    return args;
  });
  return [[...random], ...turning, ...whole];
}

describe('a seccomp filter', () => {
  for (const machine of ['x86_64', 'aarch64'])
    it(`means what its policy says on ${machine}`, () => {
      const random = fc.array(value64, { minLength: 6, maxLength: 6 });
      fc.assert(
        fc.property(policy, random, (wanted, given) => {
          const program = compilePolicy(wanted, machine);
          for (const architecture of runsOn[machine] ?? [])
            checkArchitecture({ wanted, program, architecture, given, machine });
        }),
        { interruptAfterTimeLimit: 15_000, numRuns: 300 },
      );
    });

  it('means connect where connect is said, however a 32-bit program calls it', () => {
    fc.assert(
      fc.property(policy, fc.array(value64, { minLength: 6, maxLength: 6 }), (wanted, given) => {
        const calls = new Map([...wanted.calls].filter(([name]) => name !== 'socketcall' && name !== 'ipc'));
        const program = compilePolicy({ ...wanted, calls, architectures: ['i386'] }, 'x86_64');
        for (const [through, numbers] of Object.entries(multiplexed))
          for (const [name, number] of Object.entries(numbers)) {
            const args = [BigInt(number), ...given.slice(1)].map((one) => one & word);
            const call = { number: numbersOf('i386').get(through) ?? -1, architecture: audit.i386, args };
            expect(verdictName(verdictOf(program, call)), `${through}: ${name}`).to.equal(
              verdictName(mostSevere(calls.get(name) ?? { cases: [], otherwise: wanted.otherwise })),
            );
          }
      }),
      { interruptAfterTimeLimit: 10_000, numRuns: 200 },
    );
  });
});

/** From socketcall(2) and ipc(2), by hand: what the product's own table is checked against. */
const multiplexed = {
  socketcall: {
    socket: 1,
    bind: 2,
    connect: 3,
    listen: 4,
    accept: 5,
    send: 9,
    recv: 10,
    sendto: 11,
    setsockopt: 14,
    sendmmsg: 20,
  },
  ipc: { semop: 1, semget: 2, semtimedop: 4, msgsnd: 11, msgctl: 14, shmat: 21, shmctl: 24 },
} as const;

function mostSevere({ cases, otherwise }: Verdict): Action {
  return (
    [otherwise, ...cases.map(({ action: one }) => one)].sort((one, other) => severity(one) - severity(other))[0] ??
    otherwise
  );
}

interface Checked {
  readonly wanted: Policy;
  readonly program: Buffer;
  readonly architecture: Architecture;
  readonly given: readonly bigint[];
  readonly machine: string;
}

function checkArchitecture({ wanted, program, architecture, given, machine }: Checked): void {
  const { bits } = architectures[architecture];
  const isOwn = runsOn[machine]?.[0] === architecture;
  for (const [name, number] of numbersOf(architecture)) {
    if (name === 'socketcall' || name === 'ipc') continue;
    const found: Verdict = wanted.calls.get(name) ?? { cases: [], otherwise: wanted.otherwise };
    for (const set of argumentSets(found, given)) {
      const args = set.map((one) => BigInt.asUintN(bits, one));
      const expected = isOwn || wanted.architectures.includes(architecture) ? meaning(found, args, bits) : 0x8000_0000;
      const actual = verdictOf(program, { number, architecture: audit[architecture], args });
      if (actual !== expected)
        expect.fail(
          `${architecture} ${name}(${args.join(', ')}): ${verdictName(actual)}, not ${verdictName(expected)}`,
        );
    }
  }
}
