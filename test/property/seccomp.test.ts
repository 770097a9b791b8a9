/** libseccomp is the oracle: for every call and for arguments of all kinds, its filter and ours say the same. */
import { expect } from 'chai';
import fc from 'fast-check';
import { errnoOf, failWith } from '../../src/seccomp/actions.js';
import { numbersOf } from '../../src/seccomp/architectures.js';
import { compilePolicy } from '../../src/seccomp/compile.js';
import { defaultPolicy } from '../../src/seccomp/default-policy.js';
import { multiplexedNames } from '../../src/seccomp/multiplexed.js';
import { type Architecture, always, type Policy, type Verdict } from '../../src/seccomp/policy.js';
import { parseProfile } from '../../src/seccomp/profile.js';
import { selectPolicy } from '../../src/seccomp/select.js';
import { audit, type SystemCall, verdictName, verdictOf } from '../helpers/bpf.js';
import { Libseccomp, type ReferenceArgument, type ReferenceRule, takesCall } from '../helpers/libseccomp.js';
import { patience } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

type Machine = 'x86_64' | 'aarch64';
const machines: readonly Machine[] = ['x86_64', 'aarch64'];
const architecturesOf = (machine: Machine): readonly Architecture[] =>
  machine === 'x86_64' ? ['x86_64', 'i386'] : ['aarch64'];

/** Beyond the last that anybody has, to see what unknown numbers get. */
const lastNumber = 520;
const oddNumbers = [1000, 0xffff, 0x3fff_ffff];
const allNumbers = [...Array.from({ length: lastNumber }, (_, number) => number), ...oddNumbers];

/** Always the same sequence: a failure can be looked at again. */
function* numbers(): Generator<bigint, never> {
  let state = 0x9e37_79b9_7f4a_7c15n;
  for (;;) {
    state = BigInt.asUintN(64, state * 6_364_136_223_846_793_005n + 1_442_695_040_888_963_407n);
    yield state ^ (state >> 29n);
  }
}

/** Values at which a comparison turns, those that differ from them in one bit, and any. */
function argumentsFor(interesting: readonly bigint[], is32Bit: boolean, count: number): bigint[][] {
  const random = numbers();
  const one = (): bigint => {
    const draw = random.next().value;
    const value = interesting[Number(draw % BigInt(Math.max(1, interesting.length)))] ?? 0n;
    const kind = (draw >> 16n) % 6n;
    const bit = 1n << ((draw >> 24n) % 64n);
    const made = [value, value + 1n, value - 1n, value ^ bit, random.next().value, value | (bit & ~0xffff_ffffn)][
      Number(kind)
    ];
    return BigInt.asUintN(is32Bit ? 32 : 64, made ?? 0n);
  };
  return Array.from({ length: count }, () => Array.from({ length: 6 }, one));
}

interface Comparison {
  readonly ours: Buffer;
  readonly theirs: Buffer;
  readonly architecture: Architecture;
  readonly interesting: readonly bigint[];
  readonly perCall: number;
}

function compare({ ours, theirs, architecture, interesting, perCall }: Comparison): number {
  const names = new Map([...numbersOf(architecture)].map(([name, number]) => [number, name]));
  const sets = argumentsFor(interesting, architecture === 'i386', perCall);
  let compared = 0;
  for (const number of allNumbers) {
    for (const args of sets) {
      const call: SystemCall = { number, architecture: audit[architecture], args: adapt(names.get(number), args) };
      const [mine, reference] = [verdictOf(ours, call), verdictOf(theirs, call)];
      compared += 1;
      if (mine !== reference)
        expect.fail(
          `${architecture} ${names.get(number) ?? number}(${args.map((one) => `0x${one.toString(16)}`).join(', ')}): ` +
            `${verdictName(mine)} here, ${verdictName(reference)} by libseccomp`,
        );
    }
  }
  return compared;
}

/** The upper half of ipc's first argument is a version, which libseccomp takes for a part of the call's number. */
function adapt(name: string | undefined, args: readonly bigint[]): readonly bigint[] {
  return name === 'ipc'
    ? [(args[0] ?? 0n) % 30n, ...args.slice(1)]
    : name === 'socketcall'
      ? [(args[0] ?? 0n) % 25n, ...args.slice(1)]
      : args;
}

const masked = (index: number, mask: bigint, value: bigint): ReferenceArgument => ({
  index,
  op: 'MASKED_EQ',
  value: mask,
  valueTwo: value,
});

const word = 0xffff_ffffn;

/** libseccomp has no "otherwise": what our default says so is written out as all that the cases leave. */
function referenceRules(name: string, { cases, otherwise }: Verdict): ReferenceRule[] {
  const [first] = cases;
  const condition = first?.conditions[0];
  if (first === undefined || condition === undefined) return [{ name, action: otherwise, args: [] }];
  const stated = cases.map(({ conditions: [one = condition], action }) => {
    return { name, action, args: [masked(one.index, one.mask, one.value)] };
  });
  const { index, mask } = condition;
  if (mask !== word) return [...stated, { name, action: otherwise, args: [masked(index, mask, 0n)] }];
  const taken = cases.map(({ conditions: [one] }) => one?.value);
  const small = Array.from({ length: 32 }, (_, value) => BigInt(value)).filter((value) => !taken.includes(value));
  const large = Array.from({ length: 27 }, (_, bit) => 1n << BigInt(bit + 5));
  const rest = [...small.map((value) => masked(index, word, value)), ...large.map((bit) => masked(index, bit, bit))];
  return [...stated, ...rest.map((arg) => ({ name, action: otherwise, args: [arg] }))];
}

describe('seccomp filters, against libseccomp', function () {
  this.timeout(patience(120_000));
  let reference: Libseccomp;
  let known: ReadonlySet<string>;
  before('what it needs', function () {
    requires('gcc', 'libseccomp').call(this);
    reference = new Libseccomp();
    const names = (['x86_64', 'i386', 'aarch64'] as const).flatMap((one) => [...numbersOf(one).keys()]);
    known = reference.known([...names, ...multiplexedNames]);
  });
  after(() => reference?.[Symbol.dispose]());

  function takenBy(architecture: Architecture, policy: Policy): Policy {
    const isTaken = (name: string) => known.has(name) && takesCall(architecture, name);
    return { ...policy, calls: new Map([...policy.calls].filter(([name]) => isTaken(name))) };
  }

  for (const machine of machines)
    for (const nesting of [false, true])
      for (const architecture of architecturesOf(machine))
        it(`the default says the same of every call of ${architecture} on ${machine}${nesting ? ', nested' : ''}`, () => {
          const policy = seenBy(architecture, takenBy(architecture, defaultPolicy({ nesting, is32Bit: false })));
          const rules = [...policy.calls].flatMap(([name, verdict]) => referenceRules(name, verdict));
          const ours = compilePolicy(policy, machine);
          const theirs = reference.filter({ architecture, otherwise: policy.otherwise, rules });
          const interesting = [0n, 1n, 2n, 10n, 16n, 17n, 38n, 40n, 0x1000_0000n, 0x0002_0000n, 0xffff_ffffn];
          expect(compare({ ours, theirs, architecture, interesting, perCall: 60 })).to.be.above(30_000);
          const foreign = { number: 0, architecture: audit.arm };
          expect(verdictName(verdictOf(ours, foreign))).to.equal('kill process');
          expect(verdictOf(theirs, foreign)).to.equal(verdictOf(ours, foreign));
        });

  /**
   * On i386 libseccomp has one rule for `socket` and socketcall(SYS_SOCKET), whose arguments no filter sees, and takes none that
   * depends on them: of the default, what is said of all families is left.
   */
  function seenBy(architecture: Architecture, policy: Policy): Policy {
    const socket = policy.calls.get('socket');
    if (architecture !== 'i386' || socket === undefined) return policy;
    return { ...policy, calls: new Map([...policy.calls, ['socket', always(socket.otherwise)]]) };
  }

  /** What an OCI runtime hands to libseccomp for such a profile. */
  function asRuntimesDo(profile: GeneratedProfile): ReferenceRule[] {
    return profile.syscalls.flatMap(({ names, action, errnoRet, args }) => {
      const number = actions[action](errnoRet);
      const given = args.map(({ index, op, value, valueTwo }) => {
        return { index, op: op.slice('SCMP_CMP_'.length), value: BigInt(value), valueTwo: BigInt(valueTwo ?? 0) };
      });
      const isTwice = new Set(args.map(({ index }) => index)).size < args.length;
      return names.flatMap((name) =>
        isTwice ? given.map((one) => ({ name, action: number, args: [one] })) : [{ name, action: number, args: given }],
      );
    });
  }

  for (const machine of machines)
    it(`any profile says the same of every call on ${machine}`, () => {
      const surroundings = { machine, kernel: { major: 6, minor: 1 }, capabilities: [] };
      fc.assert(
        fc.property(generatedProfile([...known]), (profile) => {
          const policy = selectPolicy(parseProfile(JSON.stringify(profile), '/profile'), surroundings, '/profile');
          const rules = asRuntimesDo(profile);
          const values = profile.syscalls.flatMap(({ args }) =>
            args.flatMap(({ value, valueTwo }) => [value, valueTwo ?? '0']),
          );
          const interesting = [0n, ...values.map(BigInt)];
          for (const architecture of architecturesOf(machine)) {
            const theirs = reference.filter({ architecture, otherwise: policy.otherwise, rules });
            const ours = compilePolicy(takenBy(architecture, policy), machine);
            compare({ ours, theirs, architecture, interesting, perCall: 24 });
          }
        }),
        { interruptAfterTimeLimit: 25_000, numRuns: 60 },
      );
    });
});

const actions = {
  SCMP_ACT_ALLOW: () => 0x7fff_0000,
  SCMP_ACT_LOG: () => 0x7ffc_0000,
  SCMP_ACT_TRAP: () => 0x0003_0000,
  SCMP_ACT_KILL_PROCESS: () => 0x8000_0000,
  SCMP_ACT_KILL: () => 0,
  SCMP_ACT_ERRNO: (errno: number | undefined) => failWith(errno ?? errnoOf('EPERM') ?? 0),
  SCMP_ACT_TRACE: (message: number | undefined) => 0x7ff0_0000 + (message ?? 1),
} as const;
type ActionName = keyof typeof actions;

interface GeneratedArgument {
  readonly index: number;
  readonly op: string;
  readonly value: string;
  readonly valueTwo?: string | undefined;
}

interface GeneratedRule {
  readonly names: readonly string[];
  readonly action: ActionName;
  readonly errnoRet?: number | undefined;
  readonly args: readonly GeneratedArgument[];
}

interface GeneratedProfile {
  readonly defaultAction: ActionName;
  readonly defaultErrnoRet?: number | undefined;
  readonly architectures: readonly string[];
  readonly syscalls: readonly GeneratedRule[];
}

const needed = ['execve', 'execveat', 'exit_group'];
const hexText = (value: bigint) => `0x${value.toString(16)}`;
const value64 = fc.oneof(
  fc.bigInt(0n, 64n),
  fc.bigInt(0n, word),
  fc.bigInt(0n, (1n << 64n) - 1n),
  fc.constantFrom(1n << 31n, 1n << 32n, word, (1n << 64n) - 1n),
);

const plainArgument = fc.record({
  index: fc.integer({ min: 0, max: 5 }),
  op: fc.constantFrom('NE', 'LT', 'LE', 'EQ', 'GE', 'GT').map((op) => `SCMP_CMP_${op}`),
  value: value64.map(hexText),
});
const maskedArgument = fc
  .record({ index: fc.integer({ min: 0, max: 5 }), mask: value64, bits: value64 })
  .map(({ index, mask, bits }) => ({
    index,
    op: 'SCMP_CMP_MASKED_EQ',
    value: hexText(mask === 0n ? 1n : mask),
    valueTwo: hexText((mask === 0n ? 1n : mask) & bits),
  }));
const argument: fc.Arbitrary<GeneratedArgument> = fc.oneof(plainArgument, maskedArgument);

/**
 * What libseccomp 2.5.4 gets right: one rule with any conditions, or several of one condition each, of equality. Of rules that share
 * arguments otherwise some come out wrong there (arguments 0 GE 2^32 or 0 LT 0 let 1 through). What those mean is asked of the
 * conditions themselves, below.
 */
function simple(alternatives: readonly (readonly GeneratedArgument[])[]): (readonly GeneratedArgument[])[] {
  const [first = []] = alternatives;
  const isTwice = new Set(first.map(({ index }) => index)).size < first.length;
  const equal = alternatives.flat().filter(({ op }) => /_(EQ|MASKED_EQ)$/.test(op));
  if (alternatives.length === 1 && !isTwice) return [first];
  return equal.length === 0 ? [[]] : equal.map((one) => [one]);
}

/** One action a call: which of two overlapping rules wins is not libseccomp's to say. */
function generatedProfile(names: readonly string[]): fc.Arbitrary<GeneratedProfile> {
  const free = names.filter((name) => !needed.includes(name) && !['socketcall', 'ipc'].includes(name));
  const action = fc.constantFrom(...(Object.keys(actions) as ActionName[]));
  const rule = fc.record({
    names: fc.subarray(free, { minLength: 1, maxLength: 12 }),
    action,
    errnoRet: fc.integer({ min: 1, max: 133 }),
    alternatives: fc.array(fc.array(argument, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
  });
  return fc
    .record({
      defaultAction: fc.constantFrom<ActionName>('SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'),
      rules: fc.array(rule, { minLength: 1, maxLength: 8 }),
    })
    .map(({ defaultAction, rules }) => {
      const used = new Set<string>();
      const syscalls = rules.flatMap(({ names: wanted, action: one, errnoRet, alternatives }): GeneratedRule[] => {
        const fresh = wanted.filter((name) => !used.has(name));
        for (const name of fresh) used.add(name);
        const takesErrno = one === 'SCMP_ACT_ERRNO' || one === 'SCMP_ACT_TRACE';
        const common = { action: one, ...(takesErrno ? { errnoRet } : {}) };
        const [seen, unseen] = [
          fresh.filter((name) => !multiplexedNames.includes(name)),
          fresh.filter((name) => multiplexedNames.includes(name)),
        ];
        return [
          ...(seen.length === 0 ? [] : simple(alternatives).map((args) => ({ ...common, names: seen, args }))),
          ...(unseen.length === 0 ? [] : [{ ...common, names: unseen, args: [] }]),
        ];
      });
      const rest =
        defaultAction === 'SCMP_ACT_ALLOW' ? [] : [{ names: needed, action: 'SCMP_ACT_ALLOW' as const, args: [] }];
      return { defaultAction, architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'], syscalls: [...syscalls, ...rest] };
    });
}
