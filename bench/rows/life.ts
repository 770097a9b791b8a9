/** create, start, stop and delete of an idle zone without network: one life a round, its four parts timed. */
import { countCalls } from '../calls.js';
import { run } from '../command.js';
import type { Step } from '../measure.js';
import { isOffer, type Life } from '../peers/peer.js';
import { Contest, contend, forEachContender, type Row } from './row.js';

const verbs = ['create', 'start', 'stop', 'delete'] as const;

/** In a life of its own: what one verb makes, the next may not be able to do twice. */
async function countVerb(life: Life, verb: (typeof verbs)[number]): Promise<number | undefined> {
  for (const earlier of verbs.slice(0, verbs.indexOf(verb))) await run(life[earlier]);
  try {
    return await countCalls(life[verb], () => run(verb === 'create' ? life.delete : life.stop));
  } finally {
    for (const later of ['stop', 'delete'] as const) await run(life[later]);
  }
}

export const lifeRow: Row = {
  name: 'life',
  needsPeers: true,
  async measure(bench) {
    const contests = verbs.map((verb) => ({
      verb,
      contest: new Contest(verb, `${verb} an idle zone, without network`),
    }));
    const all = contests.map(({ contest }) => contest);
    const groups: Step[][] = [];
    await forEachContender(bench, all, (name, contender) => {
      const life = contender.life('life', ['/bin/pause', bench.place.marker]);
      if (!isOffer(life)) for (const contest of all) contest.lacks(name, life);
      else
        groups.push(contests.map(({ verb, contest }) => contest.step(name, life[verb], () => countVerb(life, verb))));
    });
    return await contend(bench, all, groups);
  },
};
