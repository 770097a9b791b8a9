/** Step boundaries of operations, reported to an observer: that is how the crash tests know where to kill. */

export interface Boundary {
  /** `start`, `create`, `stop`, `delete`. */
  readonly operation: string;
  readonly zone: string;
  /** What has just been done: `journal`, `apply cgroup.create`, `launch`, `go`, `undo state.mkdir`, `done`. */
  readonly step: string;
}

export type BoundaryObserver = (boundary: Boundary) => void;

let observer: BoundaryObserver | undefined;

/** One observer a process; it is called synchronously between two steps. `undefined` takes it away. @returns the one before */
export function observeBoundaries(next: BoundaryObserver | undefined): BoundaryObserver | undefined {
  const before = observer;
  observer = next;
  return before;
}

export function boundary(operation: string, zone: string, step: string): void {
  observer?.({ operation, zone, step });
}
