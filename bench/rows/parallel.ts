/** Many zones at once: started by as many commands at the same time, and by one `boot`. Zones have a network. */
import { measure, type Step, timed, untimed } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import type { Tszone } from '../peers/tszone.js';
import type { Table } from '../table.js';
import { createAll, deleteAll, namesOf, stopAll, together, variants } from './many.js';
import { type Bench, Contest, contend, forEachContender, type Row } from './row.js';

/** Three rounds say enough: each is of many starts. */
const mostRounds = 3;

async function measureVariants(
  bench: Bench,
  contest: Contest,
  names: readonly string[],
  options: readonly string[],
  starts: (label: string, tszone: Tszone) => Step[],
) {
  const { place, warm } = bench;
  const pace = { ...bench.options, rounds: Math.min(mostRounds, bench.options.rounds), warmup: 0 };
  if (typeof warm === 'string') contest.lacks('tszone warm', warm);
  contest.lacksPeers();
  const samples = new Map<string, readonly number[]>();
  for (const [name, tszone] of variants(bench)) {
    try {
      await createAll(tszone, names, `${place.marker}-many`, ...options);
      const steps = [...starts(contest.label(name), tszone), untimed(stopAll(tszone, names))];
      for (const [label, values] of await measure(place, [steps], pace)) samples.set(label, values);
    } finally {
      await deleteAll(tszone, names);
    }
  }
  return [await contest.table(samples)];
}

/** What every contender can do: as many `run` as there are zones, all begun at the same time. */
async function runTogether(bench: Bench): Promise<Table[]> {
  const names = namesOf('r', bench.options.parallel);
  const contest = new Contest('parallel-run', `${names.length} times run true without network, all at once`);
  const groups: Step[][] = [];
  await forEachContender(bench, [contest], (name, contender) => {
    const commands = names.map((one) => contender.run(false, one));
    const [first] = commands;
    if (typeof first === 'string') return contest.lacks(name, first);
    const label = contest.label(name);
    groups.push(commands.filter(isOffer).map((command) => ({ kind: 'with', label, command })));
  });
  return await contend({ ...bench, options: { ...bench.options, rounds: 1, warmup: 0 } }, [contest], groups);
}

export const parallelRow: Row = {
  name: 'parallel',
  needsPeers: true,
  async measure(bench) {
    const names = namesOf('p', bench.options.parallel);
    const contest = new Contest('parallel', `start ${names.length} zones with network by as many commands at once`);
    const starts = await measureVariants(bench, contest, names, [], (label, tszone) => together(label, tszone, names));
    return [...starts, ...(await runTogether(bench))];
  },
};

export const bootRow: Row = {
  name: 'boot',
  needsPeers: false,
  async measure(bench) {
    const names = namesOf('b', bench.options.boot);
    const contest = new Contest(
      'boot',
      `boot: start the ${names.length} zones with network that start with the machine`,
    );
    return await measureVariants(bench, contest, names, ['--autostart', 'yes'], (label, tszone) => [
      timed(label, tszone.command('boot')),
    ]);
  },
};
