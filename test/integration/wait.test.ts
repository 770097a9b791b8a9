/** `wait` for a zone whose monitor takes its time. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { isAlive } from '../helpers/alive.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';

describe('wait for a zone that has just ended', () => {
  const given = givenHost({ images: ['busybox'] });

  it('tells its status also while the monitor has not recorded it yet', async () => {
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
});
