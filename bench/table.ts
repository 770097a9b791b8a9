/** What a row of the bench hands in: one table, or more. */

export interface Cell {
  readonly name: string;
  readonly samples: readonly number[];
  /** CPU time of the same rounds, ms. */
  readonly cpu?: readonly number[] | undefined;
  /** System calls of one time, counted beside by strace. */
  readonly calls?: number | undefined;
}

export interface Lack {
  readonly name: string;
  readonly reason: string;
}

export interface Table {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ms' | 'kB' | 'cores';
  readonly cells: readonly Cell[];
  /** Contenders that have no such thing, or are not here. */
  readonly lacks: readonly Lack[];
  /** The cell that the others are compared with, round by round. */
  readonly reference?: string | undefined;
  readonly notes?: readonly string[];
}
