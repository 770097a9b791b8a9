/** Architectures that filters are made for: how the kernel calls them, their words' size, their calls by number. */
import { syscallTables } from './numbers.js';
import type { Architecture } from './policy.js';

interface ArchitectureFacts {
  /** AUDIT_ARCH_*, linux/audit.h. */
  readonly audit: number;
  readonly bits: 32 | 64;
  /** By the names of the OCI runtime specification. */
  readonly oci: string;
}

export const architectures: Readonly<Record<Architecture, ArchitectureFacts>> = {
  x86_64: { audit: 0xc000_003e, bits: 64, oci: 'SCMP_ARCH_X86_64' },
  i386: { audit: 0x4000_0003, bits: 32, oci: 'SCMP_ARCH_X86' },
  aarch64: { audit: 0xc000_00b7, bits: 64, oci: 'SCMP_ARCH_AARCH64' },
};

/** `uname -m` → what runs on it, its own first. */
export const runsOn: Readonly<Record<string, readonly Architecture[]>> = {
  x86_64: ['x86_64', 'i386'],
  aarch64: ['aarch64'],
};

/** Set in the number of each call of the x32 ABI, which shares x86_64's AUDIT_ARCH. */
export const x32Bit = 0x4000_0000;

const known = new Map<Architecture, ReadonlyMap<string, number>>();

/** name → number. */
export function numbersOf(architecture: Architecture): ReadonlyMap<string, number> {
  const found = known.get(architecture) ?? readTable(syscallTables[architecture]);
  known.set(architecture, found);
  return found;
}

function readTable(text: string): Map<string, number> {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const word of text.trim().split(/\s+/)) {
    if (/^\d/.test(word)) next = Number(word);
    else numbers.set(word, next++);
  }
  return numbers;
}
