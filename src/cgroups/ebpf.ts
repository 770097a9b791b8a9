/**
 * eBPF instructions, as many kinds as a device program needs, and their bytes: linux/Documentation/bpf/standardization/
 * instruction-set.rst. Each is 8 bytes: opcode, registers (source above, destination below), a 16-bit offset, a 32-bit immediate.
 */

/** r0 is the verdict, r1 the context at entry. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5;

export type Instruction =
  /** dst = the 32 bits at src + offset. */
  | { readonly op: 'load32'; readonly dst: Register; readonly src: Register; readonly offset: number }
  | { readonly op: 'move'; readonly dst: Register; readonly value: number }
  | { readonly op: 'copy'; readonly dst: Register; readonly src: Register }
  | { readonly op: 'and'; readonly dst: Register; readonly value: number }
  | { readonly op: 'shift-right'; readonly dst: Register; readonly value: number }
  /** Goes on at the label if dst is the value, or unless it is; 32 bits are compared. */
  | { readonly op: 'if' | 'unless'; readonly dst: Register; readonly value: number; readonly to: string }
  | { readonly op: 'go'; readonly to: string }
  | { readonly op: 'exit' }
  /** No instruction: the place of the next one. */
  | { readonly op: 'label'; readonly name: string };

const opcodes = {
  load32: 0x61, // LDX | MEM | W
  move: 0xb4, // ALU | MOV | K
  copy: 0xbc, // ALU | MOV | X
  and: 0x54, // ALU | AND | K
  'shift-right': 0x74, // ALU | RSH | K
  if: 0x16, // JMP32 | JEQ | K
  unless: 0x56, // JMP32 | JNE | K
  go: 0x05, // JMP | JA
  exit: 0x95, // JMP | EXIT
} as const;

const instructionBytes = 8;
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** @throws Error on a label that there is not, before the jump (the kernel takes no loops) or out of reach */
export function assemble(program: readonly Instruction[]): Buffer {
  const places = labelPlaces(program);
  const code = program.filter((instruction) => instruction.op !== 'label');
  return Buffer.concat(code.map((instruction, index) => encode(instruction, index, places)));
}

function labelPlaces(program: readonly Instruction[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  let place = 0;
  for (const instruction of program) {
    if (instruction.op === 'label') places.set(instruction.name, place);
    else place++;
  }
  return places;
}

type Code = Exclude<Instruction, { op: 'label' }>;

function encode(instruction: Code, index: number, places: ReadonlyMap<string, number>): Buffer {
  const bytes = Buffer.alloc(instructionBytes);
  const dst = 'dst' in instruction ? instruction.dst : 0;
  const src = 'src' in instruction ? instruction.src : 0;
  bytes.writeUInt8(opcodes[instruction.op], 0);
  bytes.writeUInt8(isLittleEndian ? (src << 4) | dst : (dst << 4) | src, 1);
  const offset = offsetOf(instruction, index, places);
  const value = 'value' in instruction ? instruction.value : 0;
  if (isLittleEndian) {
    bytes.writeInt16LE(offset, 2);
    bytes.writeUInt32LE(value, 4);
  } else {
    bytes.writeInt16BE(offset, 2);
    bytes.writeUInt32BE(value, 4);
  }
  return bytes;
}

/** Of a jump: counted from the instruction that follows it. */
function offsetOf(instruction: Code, index: number, places: ReadonlyMap<string, number>): number {
  if (instruction.op === 'load32') return instruction.offset;
  if (!('to' in instruction)) return 0;
  const place = places.get(instruction.to);
  const offset = (place ?? 0) - index - 1;
  if (place !== undefined && offset >= 0 && offset < 0x8000) return offset;
  throw new Error(`the label "${instruction.to}" cannot be jumped to`);
}
