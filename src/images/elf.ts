/** As much of ELF (elf(5)) as is needed to tell static programs and architectures. */

const dynamicLoader = 3; // PT_INTERP

/** e_machine and the class → Debian's name. */
const machines: Readonly<Record<string, string>> = {
  '3/1': 'i386',
  '40/1': 'armhf',
  '62/2': 'amd64',
  '183/2': 'arm64',
  '243/2': 'riscv64',
  '21/2': 'ppc64el',
  '22/2': 's390x',
};

export function isElf(head: Buffer): boolean {
  return head.length >= 20 && head.readUInt32BE(0) === 0x7f454c46;
}

/** Debian's name of the architecture, if it is known. */
export function elfArch(head: Buffer): string | undefined {
  if (!isElf(head)) return undefined;
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18);
  return machines[`${machine}/${head[4]}`];
}

/** True if the program needs no loader: no program header is PT_INTERP. Little-endian programs only. */
export function isStaticElf(file: Buffer): boolean {
  if (!isElf(file) || file[5] !== 1) return false;
  const wide = file[4] === 2;
  const offset = wide ? Number(file.readBigUInt64LE(32)) : file.readUInt32LE(28);
  const size = file.readUInt16LE(wide ? 54 : 42);
  const count = file.readUInt16LE(wide ? 56 : 44);
  if (offset + size * count > file.length) return false;
  return !Array.from({ length: count }, (_, index) => file.readUInt32LE(offset + size * index)).includes(dynamicLoader);
}
