/** A throw-away zone that is made before anybody has asked for it: all but what it runs, which comes with who takes it. */
import { isDeepStrictEqual } from 'node:util';
import { hasCode } from '../errors/index.js';
import { deferred, encodePlan, type HelperSession, type LaunchStdioTriple } from '../helper/index.js';
import type { ZoneOptions } from '../spec/index.js';
import { writeZone, type ZoneRecord } from '../state/index.js';
import { type AttachedZone, followZone } from './attached-zone.js';
import { boundary } from './boundaries.js';
import { createThen } from './create-zone.js';
import type { HostContext } from './host-context.js';
import { writeEntry, writeLaunch, type ZoneStartPlan } from './launch-plan.js';
import { type RunWish, wishOf } from './run-wish.js';
import { launchCreated } from './start-zone.js';

export interface Taker {
  readonly descriptors: LaunchStdioTriple;
  readonly signal?: AbortSignal | undefined;
  /** Called when it has been told what to run. */
  readonly onGo?: (() => void) | undefined;
}

interface Order extends Taker {
  readonly wish: RunWish;
}

interface Made {
  readonly zone: ZoneOptions;
  readonly made: ZoneRecord;
  readonly plan: ZoneStartPlan;
}

/** Nobody has taken it, or not for what it was made for. */
class Dropped extends Error {}

/**
 * Its lock is held and its delete is journaled from before it is made: whoever finds these with nobody behind them takes it back, and
 * so does its helper. It has no record until it is taken, so no list has it.
 */
export class ReadyZone {
  readonly #host: HostContext;
  readonly #order = deferred<Order>();
  readonly #made = deferred<void>();
  readonly #attached: Promise<AttachedZone>;
  #wish: RunWish | undefined;
  /** It was given up before it was told what to run, whatever became of taking it back. */
  #isDropped = false;

  constructor(host: HostContext, zone: ZoneOptions) {
    this.#host = host;
    // Nobody may be left who waits for them.
    this.#order.promise.catch(() => {});
    this.#made.promise.catch(() => {});
    this.#attached = this.#make(zone);
    this.#attached.catch((error: unknown) => this.#made.reject(error));
  }

  /** Resolves when it is over: taken, or nothing of it is left. */
  get settled(): Promise<unknown> {
    return this.#attached.catch(() => {});
  }

  /**
   * The zone, running the command of `zone`.
   *
   * @returns `undefined`: it was not made, or the same would be made otherwise now; nothing has been done
   * @throws what a start throws
   */
  async take(host: HostContext, zone: ZoneOptions, taker: Taker): Promise<AttachedZone | undefined> {
    try {
      await this.#made.promise;
    } catch {
      return undefined;
    }
    const order = await this.#check(host, zone, taker).catch((error: unknown) => {
      this.drop();
      throw error;
    });
    if (order === undefined) {
      this.drop();
      return undefined;
    }
    this.#order.resolve(order);
    try {
      return await this.#attached;
    } catch (error) {
      // Its first process has died before its exec: nothing of the command has run.
      if (this.#isDropped || hasCode(error, 'KERNEL_STEP_FAILED')) return undefined;
      throw error;
    }
  }

  /** @returns `undefined`: not for this one, or not any more */
  async #check(host: HostContext, zone: ZoneOptions, taker: Taker): Promise<Order | undefined> {
    taker.signal?.throwIfAborted();
    if (this.#wish === undefined || !isDeepStrictEqual(host.facts, this.#host.facts)) return undefined;
    const { witness, spec } = this.#wish;
    // What is wrong with it the run itself says, which is then made as ever.
    const wish = await wishOf(host, { ...zone, name: spec.name }).catch(() => undefined);
    return wish?.witness === witness ? { ...taker, wish } : undefined;
  }

  drop(): void {
    this.#order.reject(new Dropped());
  }

  async #make(zone: ZoneOptions): Promise<AttachedZone> {
    const host = this.#host;
    return createThen(host, zone, { pull: 'never', unseen: true }, async (made, parts) => {
      let record = made;
      const { session, pid, notes } = await launchCreated(host, made, {
        stdio: 'relay',
        fds: ['ignore', 'ignore', 'ignore'],
        claim: true,
        late: true,
        parts,
        beforeGo: async (waiting, plan) => {
          record = await this.#wait({ zone, made, plan }, waiting).catch((error: unknown) => {
            this.#isDropped = true;
            throw error;
          });
        },
      });
      const { signal } = await this.#order.promise;
      return followZone(host, record, { session, pid, notes, signal });
    });
  }

  /** @returns the record of the zone that it has become */
  async #wait({ zone, made, plan }: Made, session: HelperSession): Promise<ZoneRecord> {
    const { roots } = this.#host;
    const { name } = made.spec;
    this.#wish = await wishOf(this.#host, zone);
    if (this.#wish === undefined) throw new Dropped();
    const enter = encodePlan(plan.enter);
    this.#made.resolve();
    boundary('run', name, 'waits');
    const died = session.expect('exited').then(
      () => Promise.reject(new Dropped()),
      () => Promise.reject(new Dropped()),
    );
    const { wish, descriptors, onGo } = await Promise.race([this.#order.promise, died]);
    const record = { ...made, spec: wish.spec, image: wish.image };
    const changed = plan.again?.(record);
    if (changed === undefined || !encodePlan(changed.enter).equals(enter)) throw new Dropped();
    await writeZone(roots, record);
    if (JSON.stringify(changed.entry) !== JSON.stringify(plan.entry))
      await writeLaunch(this.#host, name, { plan: { ...plan, ...changed }, options: {}, isNew: true });
    await writeEntry(this.#host, name, changed);
    boundary('run', name, 'record');
    if (!session.program(changed.last, descriptors)) throw new Dropped();
    onGo?.();
    return record;
  }
}
