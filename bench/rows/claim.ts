/** claim: a zone that was prepared in advance; beside `exec`, which is the least that running something in a zone takes. */
import { mustRun, run } from '../command.js';
import type { Step } from '../measure.js';
import { hasCommand } from '../peers/tszone.js';
import { variants } from './many.js';
import { Contest, contend, type Row } from './row.js';

export const claimRow: Row = {
  name: 'claim',
  needsPeers: false,
  async measure(bench) {
    const { place, options, cold } = bench;
    const contest = new Contest('claim', 'claim a spare, beside exec');
    contest.lacksPeers();
    const claim = await hasCommand('claim');
    if (typeof claim === 'string') contest.lacks('tszone claim', claim);
    const [, tszone = cold] = variants(bench).at(-1) ?? [];
    const life = tszone.life('claim', ['/bin/pause', place.marker]);
    const groups: Step[][] = [[contest.step('tszone', tszone.exec('claim'))]];
    // As many as are claimed: none has to be prepared while others are timed.
    const size = (count: number) => tszone.command('spare', 'set', 'bench', '--size', String(count));
    if (claim === true) groups.push([contest.step('tszone claim', tszone.command('claim', 'bench'))]);
    try {
      if (claim === true) await mustRun(size(options.rounds + options.warmup + 1));
      await mustRun(life.create);
      await mustRun(life.start);
      return await contend(bench, [contest], groups);
    } finally {
      if (claim === true) await run(size(0));
      const names = await tszone.names();
      if (names.length > 0) await run(tszone.command('delete', '--force', ...names));
    }
  },
};
