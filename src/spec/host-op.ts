/**
 * Host-side operations are plain data, so that they can be printed (`--dry-run`), journaled before they are
 * done, and undone after a crash by a process that knows nothing but the journal.
 */

/** `op` is `area.verb`; the area picks the handlers. Everything else is JSON. */
export interface HostOpBase {
  readonly op: string;
}

/**
 * Applies and undoes one subsystem's ops.
 *
 * Both are idempotent: `undo` may be called for an op that was never applied, half applied, or already undone,
 * and treats "already gone" as success. `undo` must only ever touch what the op's own data names.
 */
export interface HostOpHandler<Op extends HostOpBase> {
  apply(op: Op): Promise<void>;
  undo(op: Op): Promise<void>;
  /** One line for people: `create cgroup /sys/fs/cgroup/memory/tszone/…`. */
  describe(op: Op): string;
}
