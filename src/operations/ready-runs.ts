/**
 * The zones that an engine makes ahead. Who has run the same thing twice within moments is likely to do so again: then the next
 * throw-away zone is made behind the last one, and waits for its command.
 */
import type { AttachedZone } from './attached-zone.js';
import type { HostContext } from './host-context.js';
import { ReadyZone, type Taker } from './ready-zone.js';
import { nameZone, type RunInput, withoutProgram } from './run-input.js';

/** So soon it has to come again; and so long one waits for it. */
const keepMs = 10_000;
/** More would take memory and addresses for what may never come. */
const mostZones = 4;
const mostKinds = 64;

export class ReadyRuns {
  readonly #keepMs: number;
  /** Kind of run → when one of it has ended. */
  readonly #ended = new Map<string, number>();
  readonly #waiting = new Map<string, { readonly zone: ReadyZone; readonly timer: NodeJS.Timeout }>();
  /** Those that are being made, wait, or are taken apart. */
  readonly #alive = new Set<ReadyZone>();
  /** Of runs whose callers have gone on. */
  readonly #cleaning = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: { readonly keepMs?: number } = {}) {
    this.#keepMs = options.keepMs ?? keepMs;
  }

  /**
   * A zone that was made for such a run, running its command.
   *
   * @returns `undefined`: there is none, and nothing has been done
   * @throws what a run throws
   */
  async take(host: HostContext, input: RunInput, taker: Taker): Promise<AttachedZone | undefined> {
    const kind = kindOf(host, input);
    const waiting = kind === undefined ? undefined : this.#waiting.get(kind);
    if (kind === undefined || waiting === undefined) return undefined;
    this.#forget(kind);
    const attached = await waiting.zone.take(host, nameZone(input), taker);
    if (attached !== undefined) this.follow(host, input, attached);
    return attached;
  }

  /** The run is one of its kind; when nothing is left of it, the next may be made. */
  follow(host: HostContext, input: RunInput, run: Pick<AttachedZone, 'exited' | 'cleaned'>): void {
    // Of one that stays nothing is taken away behind its end.
    if (input.ephemeral !== true) return;
    const kind = kindOf(host, input);
    const cleaned = run.cleaned.then(
      () => {
        this.#cleaning.delete(cleaned);
        if (kind !== undefined) this.#hasEnded(host, input, kind);
      },
      () => void this.#cleaning.delete(cleaned),
    );
    void run.exited.then(
      () => this.#cleaning.add(cleaned),
      () => {},
    );
  }

  /** All that wait go, and none is made any more. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.dropAll();
  }

  /** Nothing is left when it resolves of those that wait, and of those that have ended. */
  async dropAll(): Promise<void> {
    await Promise.all(this.#cleaning);
    for (const [kind, { zone }] of this.#waiting) {
      this.#forget(kind);
      zone.drop();
    }
    await Promise.all([...this.#alive].map((zone) => zone.settled));
  }

  #hasEnded(host: HostContext, input: RunInput, kind: string): void {
    const now = performance.now();
    const before = this.#ended.get(kind) ?? Number.NEGATIVE_INFINITY;
    this.#ended.delete(kind);
    this.#ended.set(kind, now);
    for (const oldest of this.#ended.keys()) if (this.#ended.size > mostKinds) this.#ended.delete(oldest);
    const isWanted = now - before < this.#keepMs && !this.#waiting.has(kind) && this.#alive.size < mostZones;
    if (isWanted && !this.#isClosed) this.#make(host, input, kind);
  }

  #make(host: HostContext, input: RunInput, kind: string): void {
    const zone = new ReadyZone(host, nameZone(input));
    const timer = setTimeout(() => {
      this.#forget(kind);
      zone.drop();
    }, this.#keepMs);
    this.#waiting.set(kind, { zone, timer });
    this.#alive.add(zone);
    void zone.settled.then(() => {
      this.#alive.delete(zone);
      if (this.#waiting.get(kind)?.zone !== zone) return;
      // It could not be made, or was killed: the next run says why.
      this.#forget(kind);
      this.#ended.delete(kind);
    });
  }

  #forget(kind: string): void {
    clearTimeout(this.#waiting.get(kind)?.timer);
    this.#waiting.delete(kind);
  }
}

/** What has to be the same. @returns `undefined`: who chooses a name, or keeps the zone, waits for it to be made */
function kindOf({ roots }: HostContext, input: RunInput): string | undefined {
  if (input.name !== undefined || input.ephemeral !== true || input.tty === true) return undefined;
  return JSON.stringify([roots.root, roots.runRoot, withoutProgram(input)]);
}
