/** claim: a zone that was prepared in advance; beside `exec`, which is the least that running something in a zone takes. */
import { countCalls } from '../calls.js';
import { mustRun, run } from '../command.js';
import type { Step } from '../measure.js';
import { hasCommand, limits } from '../peers/tszone.js';
import { beginLife } from './lives.js';
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
    const spares = (count: number) => {
      const { argv, env } = tszone.command('spare', 'set', 'bench', '--size', String(count), '--net', 'bridge=bench');
      return { argv: [...argv, ...limits, '--', '/bin/pause', place.marker], env: env ?? {} };
    };
    const removeAll = async () => {
      await run(spares(0));
      const names = await tszone.names();
      if (names.length > 0) await run(tszone.command('delete', '--force', ...names));
    };
    const command = tszone.command('claim', 'bench');
    if (claim === true) groups.push([contest.step('tszone claim', command, () => countCalls(command, removeAll))]);
    try {
      // As many as are claimed: there always is one.
      if (claim === true) await mustRun(spares(options.rounds + options.warmup + 1));
      await beginLife(life);
      return await contend(bench, [contest], groups);
    } finally {
      await removeAll();
    }
  },
};
