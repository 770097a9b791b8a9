/** Of a zone that has ended by itself: how it ended and what it said, however long its monitor takes, and with nothing in a start's way. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isAlive } from '../helpers/alive.js';
import { startProgram } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { eventually, patience } from '../helpers/patience.js';

describe('a zone that has ended by itself', () => {
  const given = givenHost({ images: ['busybox'] });

  it('has a status for whoever waits, also while its monitor has not recorded it yet', async () => {
    const command = ['sh', '-c', 'trap "exit 7" TERM; touch /trapped; while :; do sleep 0.01; done'];
    await using zone = await given.host.run({ name: 'web', image: 'busybox', net: 'none', init: 'none', command });
    await eventually('its trap is set', async () => (await zone.exec(['test', '-e', '/trapped'])).exitCode === 0);
    const record = await readFile(join(given.host.runRoot, 'zones/web/running.json'), 'utf8');
    const { pid, monitorPid } = JSON.parse(record) as { pid: number; monitorPid: number };
    process.kill(monitorPid, 'SIGSTOP');
    let isTold = false;
    try {
      process.kill(pid, 'SIGTERM');
      await eventually('pid 1 has ended', () => !isAlive(pid));
      const waiting = zone.wait({ for: 'stopped' }).finally(() => {
        isTold = true;
      });
      waiting.catch(() => {});
      expect(await zone.wait({ for: 'stopped', timeoutMs: 100 }).catch(({ code }) => code)).to.equal('WAIT_TIMEOUT');
      expect(isTold).to.equal(false);
      process.kill(monitorPid, 'SIGCONT');
      expect(await waiting).to.deep.equal({ status: 7 });
    } finally {
      if (isAlive(monitorPid)) process.kill(monitorPid, 'SIGCONT');
    }
  });

  it('ends logs -f, which takes no lock that the monitor of the next start would have to wait for', async () => {
    const command = ['sh', '-c', 'echo said'];
    await using zone = await given.host.run({ name: 'log', image: 'busybox', net: 'none', command });
    await zone.wait({ for: 'stopped' });
    const lock = join(given.host.runRoot, 'zones/log/monitor.lock');
    const { isMonitorAlive } = await import('../../src/operations/running-state.js');
    await eventually('its monitor has gone', async () => !(await isMonitorAlive(lock)));
    // Somebody else has it: who would take it finds it taken, and takes that for a monitor that lives.
    const holder = startProgram('sh', ['-c', 'exec 9<>"$0" && flock 9 && echo held && exec sleep 1000', lock]);
    try {
      await holder.seen(/held\n/);
      const signal = AbortSignal.timeout(patience(10_000));
      const texts: string[] = [];
      for await (const { text } of zone.logs({ follow: true, signal })) texts.push(text);
      expect([texts, signal.aborted]).to.deep.equal([['said'], false]);
    } finally {
      holder.process.kill('SIGKILL');
      await holder.ended;
    }
  });
});
