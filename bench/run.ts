/** `npm run bench`: tszone beside its peers, in one run. docs/internals/benchmarks.md says how to read it. */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { ended } from './command.js';
import { conditionsOf } from './conditions.js';
import { enterNamespaces, furnish, isInside } from './inside.js';
import { type Options, parseOptions } from './options.js';
import { installPeers, openPeers, type Peers } from './peers/index.js';
import type { Offer } from './peers/peer.js';
import { hasEngine, Tszone } from './peers/tszone.js';
import { Place } from './place.js';
import { tableText, toJson, verdictText } from './report.js';
import { rows } from './rows/index.js';
import type { Bench } from './rows/row.js';
import type { Table } from './table.js';
import { judge } from './targets.js';

async function openTszone(place: Place, engine: 'off' | 'on', range: string): Promise<Tszone> {
  const tszone = new Tszone(place, engine);
  place.later(() => tszone.close());
  await tszone.prepare(place.archive, range);
  return tszone;
}

async function openBench(place: Place, options: Options, needsPeers: boolean): Promise<Bench> {
  await place.openNetwork();
  const cold = await openTszone(place, 'off', '10.214.0.0/16');
  const engine = await hasEngine();
  const warm: Offer<Tszone> = engine === true ? await openTszone(place, 'on', '10.215.0.0/16') : engine;
  const none: Peers = { present: new Map(), absent: [] };
  return { place, options, cold, warm, peers: needsPeers ? await openPeers(place) : none };
}

async function bench(options: Options): Promise<void> {
  const chosen = rows.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  const unknown = options.only.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0)
    throw new Error(`no such row: ${unknown.join(', ')}; there are ${rows.map(({ name }) => name).join(', ')}`);
  const surroundings = await furnish();
  const conditions = conditionsOf(options, surroundings);
  for (const [name, value] of Object.entries(conditions)) console.log(`${name}: ${value}`);
  console.log('');
  // A program that looks at the tables and goes is no reason to leave anything behind.
  process.stdout.on('error', (error) => ended.abort(error));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => ended.abort(new Error(`ended by ${signal}`)));
  await using place = new Place();
  // Else node would end in the midst of it, were nothing but unawaited children left to wait for.
  const awake = setInterval(() => {}, 60_000);
  place.later(() => clearInterval(awake));
  const opened = await openBench(
    place,
    options,
    chosen.some((row) => row.needsPeers),
  );
  const tables: Table[] = [];
  for (const row of chosen) {
    place.ended.signal.throwIfAborted();
    for (const table of await row.measure(opened)) {
      tables.push(table);
      console.log(tableText(table));
    }
  }
  const verdicts = judge(tables, options.zones);
  console.log(verdictText(verdicts));
  console.log(
    `load at the end: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}`,
  );
  if (options.json !== undefined) writeFileSync(options.json, toJson(conditions, tables, verdicts));
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (isInside()) await bench(options);
  else {
    installPeers(options.install);
    process.exitCode = await enterNamespaces();
  }
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
