/**
 * What zones that last no longer than this boot have of their own lies on the run-time side, in memory: nothing of it is worth
 * waiting for a disk, and after a power cut there is nothing to take back.
 */

/** An entry of a list that is kept in two files, a lasting one and a run-time one. */
export interface MaybeEphemeral {
  /** Kept on the run-time side. */
  readonly ephemeral?: true | undefined;
}
