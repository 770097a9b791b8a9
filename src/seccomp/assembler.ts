/**
 * Classic BPF, written from its end: every jump leads forward, so what it leads to is there when it is written, and whether it is
 * near enough is known. linux/filter.h; what of it seccomp takes: kernel/seccomp.c, seccomp_check_filter.
 */

interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Where an instruction stands, counted from the end. */
export type Label = number;

/** BPF_LD|BPF_W|BPF_ABS, BPF_RET|BPF_K, BPF_JMP|BPF_JA, BPF_ALU|BPF_AND|BPF_K */
const opcodes = { load: 0x20, ret: 0x06, goto: 0x05, and: 0x54 } as const;
/** BPF_JMP|BPF_K with JEQ, JGT, JGE. */
const jumps = { eq: 0x15, gt: 0x25, ge: 0x35 } as const;

/** A conditional jump's offset has 8 bits; two trampolines may still come between. */
const reach = 250;

export class Assembler {
  readonly #reversed: Instruction[] = [];
  readonly #returns = new Map<number, Label>();

  get length(): number {
    return this.#reversed.length;
  }

  ret(action: number): Label {
    const found = this.#returns.get(action);
    if (found !== undefined && this.length - found < reach / 2) return found;
    const label = this.#push({ code: opcodes.ret, jt: 0, jf: 0, k: action });
    this.#returns.set(action, label);
    return label;
  }

  /** A word of struct seccomp_data, and on with what follows: `next`. */
  load(offset: number, next: Label): Label {
    return this.#before(next, { code: opcodes.load, jt: 0, jf: 0, k: offset });
  }

  and(mask: number, next: Label): Label {
    return this.#before(next, { code: opcodes.and, jt: 0, jf: 0, k: mask });
  }

  jump(kind: keyof typeof jumps, k: number, to: { readonly yes: Label; readonly no: Label }): Label {
    if (to.yes === to.no) return to.yes;
    const yes = this.#near(to.yes);
    const no = this.#near(to.no);
    return this.#push({ code: jumps[kind], jt: this.#distance(yes), jf: this.#distance(no), k });
  }

  /** struct sock_filter[], little-endian. */
  program(start: Label): Buffer {
    const ordered = this.#reversed.slice(0, start + 1).reverse();
    const bytes = Buffer.alloc(ordered.length * 8);
    for (const [index, { code, jt, jf, k }] of ordered.entries()) {
      bytes.writeUInt16LE(code, index * 8);
      bytes.writeUInt8(jt, index * 8 + 2);
      bytes.writeUInt8(jf, index * 8 + 3);
      bytes.writeUInt32LE(k, index * 8 + 4);
    }
    return bytes;
  }

  #push(instruction: Instruction): Label {
    this.#reversed.push(instruction);
    return this.length - 1;
  }

  #distance(label: Label): number {
    return this.length - label - 1;
  }

  /** Directly before `next`, with a jump between where something else stands there. */
  #before(next: Label, instruction: Instruction): Label {
    if (this.#distance(next) > 0) this.#push({ code: opcodes.goto, jt: 0, jf: 0, k: this.#distance(next) });
    return this.#push(instruction);
  }

  #near(label: Label): Label {
    if (this.#distance(label) <= reach) return label;
    const there = this.#reversed[label];
    if (there?.code === opcodes.ret) return this.#push(there);
    return this.#push({ code: opcodes.goto, jt: 0, jf: 0, k: this.#distance(label) });
  }
}
