/** The floors by themselves, beside what they took on the machine that they were designed on; and their system calls in full. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { traceText } from '../calls.js';
import { mustRun, run } from '../command.js';
import { floorExec, floorRun, nsenter } from '../peers/floor.js';
import { summarize } from '../statistics.js';
import type { Table } from '../table.js';
import { Contest, contend, type Row } from './row.js';

/** Medians in milliseconds on an idle machine of two cores with 6.18. */
const known: Readonly<Record<string, readonly [number, number]>> = {
  'only true': [0.16, 0.16],
  'run, with network': [3.5, 5.0],
  'run, without network': [1.85, 1.85],
  exec: [0.71, 0.71],
  nsenter: [1.9, 1.9],
};
const tolerance = 0.2;

/** How the medians lie to the known ones. A slower machine shows in the start of a program that does nothing. */
export function compareWithKnown(medians: ReadonlyMap<string, number>): string[] {
  const machine = (medians.get('only true') ?? Number.NaN) / (known['only true']?.[0] ?? 1);
  return [...medians].map(([name, median]) => {
    const [low = 0, high = 0] = known[name] ?? [];
    const range = low === high ? `${low}` : `${low} to ${high}`;
    const isNear = (value: number) => value >= low * (1 - tolerance) && value <= high * (1 + tolerance);
    const near = isNear(median)
      ? 'within 20 %'
      : isNear(median / machine)
        ? `as the machine is: here a static true takes ${machine.toFixed(1)} times as long`
        : `not within 20 %, nor when the machine's own factor of ${machine.toFixed(1)} is taken out`;
    return `${name}: ${median.toFixed(2)} ms, known ${range}: ${near}`;
  });
}

export const floorsRow: Row = {
  name: 'floors',
  needsPeers: false,
  async measure(bench) {
    const { place, cold } = bench;
    const life = cold.life('floors', ['/bin/pause', place.marker]);
    const joined = place.groups.directories.map((directory) => join(directory, 'exec'));
    const contest = new Contest('floors', 'floors', undefined);
    contest.lacksPeers();
    try {
      await mustRun(life.create);
      await mustRun(life.start);
      for (const directory of joined) mkdirSync(directory);
      const pid = await cold.pidOf('floors');
      const [table] = await contend(
        bench,
        [contest],
        [
          [contest.step('only true', { argv: [`${place.rootfs}/bin/true`] })],
          [contest.step('run, with network', floorRun(place, true))],
          [contest.step('run, without network', floorRun(place, false))],
          [contest.step('exec', floorExec(place, pid))],
          [contest.step('nsenter', nsenter(pid))],
        ],
      );
      if (table === undefined) return [];
      const medians = new Map(table.cells.map(({ name, samples }) => [name, summarize(samples).median]));
      const trace = (await traceText(floorRun(place, true))).trimEnd().split('\n');
      return [
        { ...table, notes: [...compareWithKnown(medians), '', 'strace -f of the run with network:', ...trace] },
      ] satisfies Table[];
    } finally {
      await run(life.stop);
      await run(life.delete);
      for (const directory of joined) rmdirSync(directory);
    }
  },
};
