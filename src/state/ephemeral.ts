/**
 * What zones that last no longer than this boot have of their own lies on the run-time side, in memory: nothing of it is worth
 * waiting for a disk, and after a power cut there is nothing to take back.
 */

/** An entry of a list that is kept in two files, a lasting one and a run-time one. */
export interface MaybeEphemeral {
  /** Kept on the run-time side. */
  readonly ephemeral?: true | undefined;
}

export function splitByLife<T extends MaybeEphemeral>(entries: readonly T[]): { lasting: T[]; ephemeral: T[] } {
  return {
    lasting: entries.filter((entry) => entry.ephemeral !== true),
    ephemeral: entries.filter((entry) => entry.ephemeral === true),
  };
}

/** The same entries, in the same order: nothing has to be written. */
export function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((entry, index) => entry === b[index]);
}
