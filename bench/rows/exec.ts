/** `exec` of a static `true` in a zone that idles; beside it nsenter and the floor, into the same zone. */
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mustRun } from '../command.js';
import type { Step } from '../measure.js';
import { floorExec, nsenter } from '../peers/floor.js';
import { isOffer } from '../peers/peer.js';
import type { Table } from '../table.js';
import { beginLife, endLife } from './lives.js';
import { type Bench, Contest, contend, forEachContender, type Row } from './row.js';

/** In a node process that stays, after the others: it cannot be started anew in each round. */
async function libraryExec({ cold: { roots }, place, options }: Bench, zone: string): Promise<Table> {
  const script = join(dirname(fileURLToPath(import.meta.url)), '../library.ts');
  const programs = [join(place.rootfs, 'bin/true'), ...[options.rounds, options.warmup, options.pauseMs].map(String)];
  const argv = [process.execPath, '--import', 'tsx', script, roots.root, roots.runRoot, zone, ...programs];
  const lines = (await mustRun({ argv })).trimEnd().split('\n');
  const pairs = lines.map((line) => line.split(' ').map(Number));
  const at = (index: number) => pairs.map((pair) => pair[index] ?? Number.NaN);
  return {
    id: 'exec-library',
    title: 'the library: exec true in an idle zone, beside a spawn of the same program by the same process',
    unit: 'ms',
    cells: [
      { name: 'spawn', samples: at(1) },
      { name: 'library exec', samples: at(0) },
      { name: 'above a spawn', samples: pairs.map(([exec = 0, spawn = 0]) => exec - spawn) },
    ],
    lacks: [],
    reference: 'spawn',
    notes: ['measured after the others, in one process, by turns; "above a spawn": the difference in each round'],
  };
}

export const execRow: Row = {
  name: 'exec',
  needsPeers: true,
  async measure(bench) {
    const { place, cold } = bench;
    const contest = new Contest('exec', 'exec true in an idle zone');
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
      return [...(await contend(bench, [contest], groups)), await libraryExec(bench, 'exec')];
    } finally {
      for (const step of undo.reverse()) await step();
    }
  },
};
