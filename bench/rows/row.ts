/** A row of the bench, and how rows turn contenders into tables. */
import { countCalls } from '../calls.js';
import type { Command } from '../command.js';
import { cpuOf, measure, type Step, timed } from '../measure.js';
import type { Options } from '../options.js';
import { peers as allPeers, type Peers } from '../peers/index.js';
import { type Contender, isOffer, type Offer } from '../peers/peer.js';
import type { Tszone } from '../peers/tszone.js';
import type { Place } from '../place.js';
import type { Lack, Table } from '../table.js';

export interface Bench {
  readonly place: Place;
  readonly options: Options;
  readonly peers: Peers;
  /** Each command a process of its own. */
  readonly cold: Tszone;
  /** With the engine. */
  readonly warm: Offer<Tszone>;
}

export interface Row {
  readonly name: string;
  readonly needsPeers: boolean;
  measure(bench: Bench): Promise<Table[]>;
}

/** For a table of tszone's own affairs: every mandatory peer is in it, with the reason why it has no figure. */
export const mandatoryLacks = (): Lack[] =>
  allPeers
    .filter(({ mandatory }) => mandatory)
    .map(({ name }) => ({ name, reason: "not asked: a matter of tszone's own" }));

/** A table in the making. */
export class Contest {
  readonly id: string;
  readonly #title: string;
  readonly #reference: string | undefined;
  readonly #notes: string[] = [];
  readonly #names: string[] = [];
  readonly #lacks: Lack[] = [];
  readonly #counts = new Map<string, () => Promise<number | undefined>>();
  #hasCpu = false;

  constructor(id: string, title: string, reference: string | undefined = 'tszone') {
    this.id = id;
    this.#title = title;
    this.#reference = reference;
  }

  /** A command as a timed step; its system calls are counted when all times have been taken. */
  step(name: string, command: Command, count = () => countCalls(command)): Step {
    this.#counts.set(name, count);
    return timed(this.label(name), command);
  }

  /** For steps of other kinds. */
  label(name: string): string {
    if (!this.#names.includes(name)) this.#names.push(name);
    return `${this.id}/${name}`;
  }

  /** With CPU time: for commands that leave nothing to a daemon. */
  showCpu(): void {
    this.#hasCpu = true;
  }

  lacks(name: string, reason: string): void {
    this.#lacks.push({ name, reason });
  }

  /** For a table that is about tszone alone: every peer is in it nevertheless. */
  lacksPeers(): void {
    this.#lacks.push(...mandatoryLacks());
  }

  get missing(): readonly Lack[] {
    return this.#lacks;
  }

  note(text: string): void {
    this.#notes.push(text);
  }

  async table(samples: ReadonlyMap<string, readonly number[]>): Promise<Table> {
    const cells = [];
    for (const name of this.#names) {
      const calls = await this.#counts.get(name)?.();
      const label = `${this.id}/${name}`;
      const cpu = this.#hasCpu ? samples.get(cpuOf(label)) : undefined;
      cells.push({ name, samples: samples.get(label) ?? [], cpu, calls });
    }
    return {
      id: this.id,
      title: this.#title,
      unit: 'ms',
      cells,
      lacks: this.#lacks,
      reference: this.#reference,
      notes: this.#notes,
    };
  }
}

/** tszone cold and warm, then the peers: each to `enter`, or into the contests with the reason why it is not there. */
export async function forEachContender(
  { cold, warm, peers }: Bench,
  contests: readonly Contest[],
  enter: (name: string, contender: Contender) => Promise<void> | void,
): Promise<void> {
  await enter('tszone', cold);
  if (isOffer(warm)) await enter('tszone warm', warm);
  else for (const contest of contests) contest.lacks('tszone warm', warm);
  for (const [name, contender] of peers.present) await enter(name, contender);
  for (const { name, reason } of peers.absent) for (const contest of contests) contest.lacks(name, reason);
}

export async function contend(
  { place, options }: Bench,
  contests: readonly Contest[],
  groups: readonly (readonly Step[])[],
): Promise<Table[]> {
  const samples = await measure(place, groups, options);
  const tables: Table[] = [];
  for (const contest of contests) tables.push(await contest.table(samples));
  return tables;
}
