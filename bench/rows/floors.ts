/** The floors by themselves, beside what they took on the machine that they were designed on; and their system calls in full. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { traceText } from '../calls.js';
import { compareWithKnown } from '../known-floors.js';
import { floorExec, floorRun, nsenter } from '../peers/floor.js';
import { summarize } from '../statistics.js';
import type { Table } from '../table.js';
import { beginLife, endLife } from './lives.js';
import { Contest, contend, type Row } from './row.js';

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
      await beginLife(life);
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
        {
          ...table,
          notes: [
            ...compareWithKnown(medians, (loadavg()[0] ?? 0) / cpus().length),
            '',
            'strace -f of the run with network:',
            ...trace,
          ],
        },
      ] satisfies Table[];
    } finally {
      await endLife(life);
      for (const directory of joined) rmdirSync(directory);
    }
  },
};
