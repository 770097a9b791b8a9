/** attach to the terminal of a zone whose program writes a byte each millisecond: until the first byte arrives. */
import type { Step } from '../measure.js';
import { isOffer } from '../peers/peer.js';
import { beginLife, endLife } from './lives.js';
import { Contest, contend, forEachContender, type Row } from './row.js';

export const attachRow: Row = {
  name: 'attach',
  needsPeers: true,
  async measure(bench) {
    const contest = new Contest('attach', "attach to a zone's terminal, to the first byte");
    const groups: Step[][] = [];
    const undo: (() => Promise<unknown>)[] = [];
    try {
      await forEachContender(bench, [contest], async (name, contender) => {
        const attachment = contender.attach('attach');
        const life = contender.life('attach', ['/bin/tick', bench.place.marker], { terminal: true });
        if (!isOffer(attachment)) return contest.lacks(name, attachment);
        if (!isOffer(life)) return contest.lacks(name, life);
        undo.push(() => endLife(life));
        await beginLife(life);
        groups.push([{ kind: 'attach', label: contest.label(name), ...attachment }]);
      });
      return await contend(bench, [contest], groups);
    } finally {
      for (const step of undo.reverse()) await step();
    }
  },
};
