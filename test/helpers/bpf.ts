/** A small machine for seccomp's classic BPF, so that filters of any architecture can be run here. seccomp(2), linux/filter.h. */

export interface SystemCall {
  readonly number: number;
  /** AUDIT_ARCH_* */
  readonly architecture: number;
  readonly args?: readonly bigint[];
}

export const audit = { x86_64: 0xc000_003e, i386: 0x4000_0003, aarch64: 0xc000_00b7, arm: 0x4000_0028 } as const;

/** struct seccomp_data */
function dataOf({ number, architecture, args = [] }: SystemCall): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(architecture, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  return data;
}

export interface Run {
  /** SECCOMP_RET_* with its data. */
  readonly verdict: number;
  /** Instructions that it took. */
  readonly steps: number;
  /** It looked at the call's arguments, so the kernel cannot know the verdict from the number. */
  readonly readsArguments: boolean;
}

/** @throws on what the kernel would refuse: an unknown instruction, a jump beyond the end */
export function runFilter(program: Buffer, call: SystemCall): Run {
  const data = dataOf(call);
  let accumulator = 0;
  let at = 0;
  let readsArguments = false;
  for (let steps = 1; ; steps += 1) {
    const { code, jt, jf, k } = instructionAt(program, at);
    at += 1;
    if (code === 0x06) return { verdict: k, steps, readsArguments };
    if (code === 0x20) {
      readsArguments ||= k >= 16;
      accumulator = data.readUInt32LE(k);
    } else if (code === 0x54) accumulator = (accumulator & k) >>> 0;
    else if (code === 0x05) at += k;
    else at += holds(code, accumulator, k) ? jt : jf;
  }
}

function instructionAt(program: Buffer, index: number) {
  const at = index * 8;
  if (at + 8 > program.length) throw new Error(`instruction ${index} lies beyond the end`);
  return {
    code: program.readUInt16LE(at),
    jt: program.readUInt8(at + 2),
    jf: program.readUInt8(at + 3),
    k: program.readUInt32LE(at + 4),
  };
}

export const verdictOf = (program: Buffer, call: SystemCall): number => runFilter(program, call).verdict;

function holds(code: number, accumulator: number, k: number): boolean {
  if (code === 0x15) return accumulator === k;
  if (code === 0x25) return accumulator > k;
  if (code === 0x35) return accumulator >= k;
  if (code === 0x45) return (accumulator & k) !== 0;
  throw new Error(`no instruction 0x${code.toString(16)}`);
}

const kinds: readonly (readonly [action: number, name: string])[] = [
  [0x8000_0000, 'kill process'],
  [0, 'kill thread'],
  [0x0003_0000, 'trap'],
  [0x0005_0000, 'errno'],
  [0x7ff0_0000, 'trace'],
  [0x7ffc_0000, 'log'],
  [0x7fff_0000, 'allow'],
];

/** `allow`, `errno 38`, … */
export function verdictName(verdict: number): string {
  const found = kinds.find(([action]) => action === (verdict & 0xffff_0000) >>> 0)?.[1] ?? `0x${verdict.toString(16)}`;
  return found === 'errno' || found === 'trace' ? `${found} ${verdict & 0xffff}` : found;
}
