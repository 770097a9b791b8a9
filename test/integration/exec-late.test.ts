/** An exec into a zone that ends while the command is on its way in. */
import { expect } from 'chai';
import { isAlive } from '../helpers/alive.js';
import { outputOf } from '../helpers/cli.js';
import { givenHost } from '../helpers/given.js';
import { failure } from '../helpers/helper-plan.js';
import { eventually } from '../helpers/patience.js';

describe('exec into a zone that ends at that moment', () => {
  const given = givenHost({ images: ['busybox'] });

  it('says that it has ended, not at which step that was seen', async () => {
    await using zone = await given.host.run({ name: 'late', image: 'busybox', net: 'none' });
    const { pid = expect.fail() } = await zone.inspect();
    expect((await zone.exec(['true'])).exitCode).to.equal(0);
    // What forks this process's helpers stands still meanwhile.
    const forkers = await outputOf('pgrep', ['-P', String(process.pid), '-x', 'tszone-spawner']);
    expect(forkers).to.match(/^\d+\n$/);
    const forker = Number(forkers);
    process.kill(forker, 'SIGSTOP');
    let exec: Promise<unknown>;
    try {
      exec = failure(Promise.resolve(zone.exec(['true'])));
      // Time for its look at the zone. If it looks later, it finds none, and says the same.
      await new Promise((resolve) => setTimeout(resolve, 200));
      process.kill(pid, 'SIGKILL');
      await eventually('pid 1 has ended', () => !isAlive(pid));
    } finally {
      process.kill(forker, 'SIGCONT');
    }
    expect(await exec).to.include({ code: 'ZONE_NOT_RUNNING' });
  });
});
