/** A machine for the eBPF that device programs are made of: it knows no more than they need, and checks what the kernel checks. */

export interface Verdict {
  readonly result: number;
  readonly steps: number;
}

export interface Decoded {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly value: number;
}

/** Opcodes after which the next instruction may be another one, and the one after which there is none. */
export const jumps: readonly number[] = [0x05, 0x16, 0x56];
export const always = 0x05;
export const end = 0x95;

export function decode(program: Buffer): Decoded[] {
  return Array.from({ length: program.length / 8 }, (_, index) => {
    const at = index * 8;
    const registers = program.readUInt8(at + 1);
    return {
      opcode: program.readUInt8(at),
      dst: registers & 15,
      src: registers >> 4,
      offset: program.readInt16LE(at + 2),
      value: program.readUInt32LE(at + 4),
    };
  });
}

/** r1 is the context. @throws Error on what the kernel's verifier refuses, too: a read of an unset register, a loop, no end */
export function runProgram(program: Buffer, context: readonly number[]): Verdict {
  const code = decode(program);
  const registers = new Registers(context);
  for (let at = 0, steps = 1; ; steps++) {
    const instruction = code[at];
    if (instruction === undefined) throw new Error('the program runs past its end');
    if (instruction.opcode === end) return { result: registers.read(0), steps };
    at += 1 + registers.step(instruction);
  }
}

class Registers {
  readonly #values = new Array<number | undefined>(11).fill(undefined);
  readonly #context: readonly number[];

  constructor(context: readonly number[]) {
    this.#context = context;
  }

  read(register: number): number {
    const value = this.#values[register];
    if (value === undefined) throw new Error(`r${register} is read before it is set`);
    return value;
  }

  /** How many instructions are jumped over. */
  step(instruction: Decoded): number {
    if (jumps.includes(instruction.opcode)) return this.#jump(instruction);
    this.#values[instruction.dst] = this.#result(instruction);
    return 0;
  }

  #jump({ opcode, dst, offset, value }: Decoded): number {
    if (offset < 0) throw new Error('a jump backwards');
    const isEqual = opcode === always || this.read(dst) === value;
    return isEqual === (opcode !== 0x56) ? offset : 0;
  }

  #result({ opcode, dst, src, offset, value }: Decoded): number {
    switch (opcode) {
      case 0x61:
        return this.#load(src, offset);
      case 0xb4:
        return value;
      case 0xbc:
        return this.read(src);
      case 0x54:
        return (this.read(dst) & value) >>> 0;
      case 0x74:
        return this.read(dst) >>> value;
      default:
        throw new Error(`opcode ${opcode}`);
    }
  }

  #load(src: number, offset: number): number {
    const word = this.#context[offset / 4];
    if (src !== 1 || word === undefined) throw new Error(`a read at r${src} + ${offset}`);
    return word;
  }
}
