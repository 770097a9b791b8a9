import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { flockFd, spawnSession } from '../../src/helper/index.js';
import { isMonitorAlive } from '../../src/operations/running-state.js';
import { failure, startZone, ZoneDirectory } from '../helpers/helper-plan.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

/** proc_pid_stat(5), field 3. @throws if there is no such process */
function stateOf(pid: number | undefined): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2)[0];
}

describe("a monitor's lock", () => {
  let zone: ZoneDirectory;
  before(requires('root', 'overlay', 'busybox'));
  beforeEach(() => {
    zone = new ZoneDirectory();
  });
  afterEach(() => zone[Symbol.dispose]());

  const path = () => join(zone.run, 'lock');

  it('says whether the zone has one', async () => {
    expect(await isMonitorAlive(path())).to.equal(false);
    {
      await using _running = await startZone(zone.plan(['sleep', '1000']));
      expect(await isMonitorAlive(path())).to.equal(true);
    }
    expect(await isMonitorAlive(path())).to.equal(false);
  });

  it('is waited for by a start while somebody only looks', async () => {
    await using looking = await open(path(), 'a');
    expect(await flockFd(looking.fd, 0)).to.equal(true);
    await using session = spawnSession('launch', zone.plan(['sh', '-c', 'exit 7']));
    const fds = `/proc/${session.pid}/fd`;
    const hasTried = () =>
      stateOf(session.pid) === 'S' && readdirSync(fds).some((fd) => readlinkSync(join(fds, fd)) === path());
    const failed = failure(session.expect('created'));
    await Promise.race([failed, eventually('it has tried to take the lock', hasTried)]);
    await looking.close();
    await session.expect('created');
    session.go();
    expect((await session.expect('exited')).status).to.equal(7);
    expect(await session.exited).to.equal(7);
  });
});
