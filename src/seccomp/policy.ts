/** What a filter is made from: per call, what happens to it, and on which arguments that depends. */

export type Comparison = 'ne' | 'lt' | 'le' | 'eq' | 'ge' | 'gt';

/** `(argument & mask) op value`, unsigned, 64 bits; of a 32-bit program the low half of each. */
export interface Condition {
  /** 0 to 5. */
  readonly index: number;
  readonly op: Comparison;
  readonly value: bigint;
  readonly mask: bigint;
}

/** What the kernel does: one of SECCOMP_RET_*, with its data in the low 16 bits. */
export type Action = number;

export interface Case {
  /** All of them; none is not a case but the verdict's `otherwise`. */
  readonly conditions: readonly Condition[];
  readonly action: Action;
}

/** The first case that holds. */
export interface Verdict {
  readonly cases: readonly Case[];
  readonly otherwise: Action;
}

export interface Policy {
  /** Besides the machine's own; calls by any other kill the process. */
  readonly architectures: readonly Architecture[];
  readonly calls: ReadonlyMap<string, Verdict>;
  /** For calls that are not named. */
  readonly otherwise: Action;
}

export type Architecture = 'x86_64' | 'i386' | 'aarch64';

export const always = (action: Action): Verdict => ({ cases: [], otherwise: action });
