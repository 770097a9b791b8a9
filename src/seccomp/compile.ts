/**
 * A policy as a program of classic BPF. The call's number is looked up by halving, so that the longest way is short. Up to where
 * arguments count it depends on architecture and number alone: from 5.11 on the kernel runs that once for each number, when the
 * filter comes, and later lets what is always allowed pass without running anything (kernel/seccomp.c, seccomp_is_const_allow).
 */
import { zoneError } from '../errors/index.js';
import { killProcess, unknownCall } from './actions.js';
import { architectures, numbersOf, runsOn, x32Bit } from './architectures.js';
import { Assembler, type Label } from './assembler.js';
import { isMultiplexer, multiplexedVerdict } from './multiplexed.js';
import { type Architecture, always, type Case, type Condition, type Policy, type Verdict } from './policy.js';

/** Offsets in struct seccomp_data; both architectures are little-endian. */
const offsets = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const;

/** BPF_MAXINSNS */
const mostInstructions = 4096;

/** @throws SPEC_INVALID a policy that the kernel has no room for */
export function compilePolicy(policy: Policy, machine: string): Buffer {
  const [own, ...others] = runsOn[machine] ?? [];
  if (own === undefined) throw new Error(`no filter can be made for ${machine}`);
  const program = new Assembler();
  let start = program.ret(killProcess);
  for (const architecture of [...others.filter((one) => policy.architectures.includes(one)), own]) {
    const block = emitArchitecture(program, policy, architecture);
    start = program.jump('eq', architectures[architecture].audit, { yes: block, no: start });
  }
  start = program.load(offsets.architecture, start);
  if (start < mostInstructions) return program.program(start);
  throw zoneError('SPEC_INVALID', `the seccomp profile is too long: ${start + 1} instructions of ${mostInstructions}`, {
    hint: 'Leave out rules; those with args count most.',
  });
}

function emitArchitecture(program: Assembler, policy: Policy, architecture: Architecture): Label {
  const bits = architectures[architecture].bits;
  const tree = emitSearch(program, segmentsOf(policy, architecture), bits);
  const isX32 = { yes: program.ret(unknownCall), no: tree };
  return program.load(offsets.number, architecture === 'x86_64' ? program.jump('ge', x32Bit, isX32) : tree);
}

/** Numbers from `first` up to the next segment have one verdict. */
interface Segment {
  readonly first: number;
  readonly verdict: Verdict;
}

function segmentsOf(policy: Policy, architecture: Architecture): Segment[] {
  const byNumber = new Map<number, Verdict>();
  for (const [name, number] of numbersOf(architecture)) {
    const verdict = verdictOf(policy, architecture, name);
    if (verdict !== undefined) byNumber.set(number, verdict);
  }
  const otherwise = always(policy.otherwise);
  const last = Math.max(-1, ...byNumber.keys());
  const segments: Segment[] = [];
  for (let number = 0; number <= last + 1; number += 1) {
    const verdict = byNumber.get(number) ?? otherwise;
    if (!isSame(segments.at(-1)?.verdict, verdict)) segments.push({ first: number, verdict });
  }
  return segments;
}

function verdictOf(policy: Policy, architecture: Architecture, name: string): Verdict | undefined {
  if (architecture === 'i386' && isMultiplexer(name)) return multiplexedVerdict(name, policy);
  return policy.calls.get(name);
}

function isSame(one: Verdict | undefined, other: Verdict): boolean {
  return one?.cases.length === 0 && other.cases.length === 0 && one.otherwise === other.otherwise;
}

function emitSearch(program: Assembler, segments: readonly Segment[], bits: 32 | 64): Label {
  const [only] = segments;
  if (segments.length === 1 && only !== undefined) return emitVerdict(program, only.verdict, bits);
  const half = segments.length >> 1;
  const yes = emitSearch(program, segments.slice(half), bits);
  const no = emitSearch(program, segments.slice(0, half), bits);
  return program.jump('ge', segments[half]?.first ?? 0, { yes, no });
}

function emitVerdict(program: Assembler, { cases, otherwise }: Verdict, bits: 32 | 64): Label {
  let next = program.ret(otherwise);
  for (const one of [...cases].reverse()) next = emitCase(program, one, { next, bits });
  return next;
}

function emitCase(
  program: Assembler,
  { conditions, action }: Case,
  { next, bits }: { readonly next: Label; readonly bits: 32 | 64 },
): Label {
  let label = program.ret(action);
  for (const condition of [...conditions].reverse())
    label = emitCondition(program, condition, { yes: label, no: next, bits });
  return label;
}

interface Exits {
  readonly yes: Label;
  readonly no: Label;
  readonly bits: 32 | 64;
}

/** The halves of a 64-bit number. */
const low = (value: bigint) => Number(value & 0xffff_ffffn);
const high = (value: bigint) => Number((value >> 32n) & 0xffff_ffffn);

/** `a < v` is not `a >= v`, and so on: three jumps do for six comparisons. */
function emitCondition(program: Assembler, condition: Condition, exits: Exits): Label {
  const opposite = { yes: exits.no, no: exits.yes, bits: exits.bits };
  if (condition.op === 'ne') return emitEqual(program, condition, opposite);
  if (condition.op === 'lt') return emitOrder(program, 'ge', condition, opposite);
  if (condition.op === 'le') return emitOrder(program, 'gt', condition, opposite);
  if (condition.op === 'eq') return emitEqual(program, condition, exits);
  return emitOrder(program, condition.op, condition, exits);
}

function emitEqual(program: Assembler, { index, value, mask }: Condition, { yes, no, bits }: Exits): Label {
  const offset = offsets.argument(index);
  const lower = emitHalf(program, { offset, value: low(value), mask: low(mask) }, { yes, no });
  if (bits === 32) return lower;
  return emitHalf(program, { offset: offset + 4, value: high(value), mask: high(mask) }, { yes: lower, no });
}

function emitHalf(
  program: Assembler,
  { offset, value, mask }: { readonly offset: number; readonly value: number; readonly mask: number },
  exits: { readonly yes: Label; readonly no: Label },
): Label {
  if (mask === 0) return value === 0 ? exits.yes : exits.no;
  const test = program.jump('eq', value, exits);
  return program.load(offset, mask === 0xffff_ffff ? test : program.and(mask, test));
}

function emitOrder(program: Assembler, op: 'ge' | 'gt', condition: Condition, { yes, no, bits }: Exits): Label {
  const offset = offsets.argument(condition.index);
  const lower = program.load(offset, program.jump(op, low(condition.value), { yes, no }));
  if (bits === 32) return lower;
  const same = program.jump('eq', high(condition.value), { yes: lower, no });
  return program.load(offset + 4, program.jump('gt', high(condition.value), { yes, no: same }));
}
