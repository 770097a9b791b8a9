/** `run` of a static `true` with everything made and removed: without a network, and with one. */
import type { Step } from '../measure.js';
import { floorRun } from '../peers/floor.js';
import { isOffer } from '../peers/peer.js';
import { Contest, contend, forEachContender, type Row } from './row.js';

export const runRow: Row = {
  name: 'run',
  needsPeers: true,
  async measure(bench) {
    const bare = { argv: [`${bench.place.rootfs}/bin/true`] };
    const contests = [false, true].map((network) => ({
      network,
      contest: new Contest(
        network ? 'run-net' : 'run',
        `run true, remove all, ${network ? 'with' : 'without'} network`,
      ),
    }));
    const groups: Step[][] = [];
    for (const { network, contest } of contests) {
      await forEachContender(bench, [contest], (name, contender) => {
        const command = contender.run(network);
        if (!isOffer(command)) return contest.lacks(name, command);
        contest.note(`${name}: ${contender.makes}`);
        groups.push([contest.step(name, command)]);
      });
      if (isOffer(bench.warm)) {
        const { argv, env } = bench.warm.run(network);
        groups.push([contest.step('tszone warm, none ready', { argv, env: { ...env, TSZONE_READY: 'off' } })]);
        contest.note('tszone warm: the engine has made the zone behind the run before; none ready: it makes it then');
      }
      contest.note('floor: as tszone, with nothing decided and nothing remembered');
      groups.push([contest.step('floor', floorRun(bench.place, network))]);
      if (!network) groups.push([contest.step('no zone: only true', bare)]);
    }
    return await contend(
      bench,
      contests.map(({ contest }) => contest),
      groups,
    );
  },
};
