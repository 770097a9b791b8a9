/** `exec` of a static `true` in a zone that idles; beside it nsenter and the floor, into the same zone. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun } from '../command.js';
import type { Step } from '../measure.js';
import { floorExec, nsenter } from '../peers/floor.js';
import { isOffer } from '../peers/peer.js';
import type { Cell } from '../table.js';
import { beginLife, endLife } from './lives.js';
import { type Bench, Contest, contend, forEachContender, type Row } from './row.js';

/** In a node process that stays, after the others: it cannot be started anew in each round. */
async function libraryExec({ cold: { roots }, options }: Bench, zone: string): Promise<number[]> {
  const script = join(dirname(fileURLToPath(import.meta.url)), '../library.ts');
  const numbers = [options.rounds, options.warmup, options.pauseMs].map(String);
  const argv = [process.execPath, '--import', 'tsx', script, roots.root, roots.runRoot, zone, ...numbers];
  return (await mustRun({ argv })).trimEnd().split('\n').map(Number);
}

export const execRow: Row = {
  name: 'exec',
  needsPeers: true,
  async measure(bench) {
    const { place, cold } = bench;
    const contest = new Contest('exec', 'exec true in an idle zone');
    contest.note('library exec: measured after the others, in one process');
    const groups: Step[][] = [];
    const undo: (() => Promise<unknown>)[] = [];
    try {
      await forEachContender(bench, [contest], async (name, contender) => {
        const command = contender.exec('exec');
        const life = contender.life('exec', ['/bin/pause', place.marker]);
        if (!isOffer(command)) return contest.lacks(name, command);
        if (!isOffer(life)) return contest.lacks(name, life);
        undo.push(() => endLife(life));
        await beginLife(life);
        groups.push([contest.step(name, command)]);
      });
      const pid = await cold.pidOf('exec');
      const joined = place.groups.directories.map((directory) => join(directory, 'exec'));
      for (const directory of joined) mkdirSync(directory);
      undo.push(async () => joined.forEach((directory) => void rmdirSync(directory)));
      groups.push([contest.step('nsenter', nsenter(pid))], [contest.step('floor', floorExec(place, pid))]);
      const tables = await contend(bench, [contest], groups);
      const library: Cell = { name: 'library exec', samples: await libraryExec(bench, 'exec') };
      return tables.map((table) => ({ ...table, cells: [...table.cells, library] }));
    } finally {
      for (const step of undo.reverse()) await step();
    }
  },
};
