/** The lock that says that a zone has a monitor: whoever only asks for it is in nobody's way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { expect } from 'chai';
import { encodePlan, flockFd, helperPath } from '../../src/helper/index.js';
import { ZoneDirectory } from '../helpers/helper-plan.js';
import { inTime } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

describe('the lock of a monitor', () => {
  before(requires('root', 'overlay', 'busybox'));

  it('is waited for where somebody only looks whether it is held', async () => {
    using zone = new ZoneDirectory();
    const lock = openSync(join(zone.run, 'lock'), 'a');
    expect(await flockFd(lock, 0)).to.equal(true);
    const child = spawn(helperPath(), ['launch'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    const ended = once(child, 'exit');
    try {
      const told = once(child.stdio[4] as Readable, 'data');
      (child.stdio[3] as Writable).end(encodePlan(zone.plan(['sleep', '1000'])));
      const sleeps = () => /sleep/.test(readFileSync(`/proc/${child.pid}/wchan`, 'utf8'));
      await inTime('it waits', () => sleeps() && closeSync(lock) === undefined);
      const [lines] = (await told) as [Buffer];
      expect(JSON.parse(lines.toString().split('\n')[0] ?? '')).to.include({ event: 'created' });
    } finally {
      child.kill('SIGKILL');
      await ended;
    }
  });
});
