import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { settleEnd } from '../../../src/operations/running-state.js';
import { isEnding, readProcess, writeRunTimeFile, zonePaths } from '../../../src/state/index.js';
import { patience } from '../../helpers/patience.js';

describe('the end of a zone whose first process is dead', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tszone-end-'));
  const roots = { root: join(directory, 'root'), runRoot: join(directory, 'run'), instance: 'aaaaaa' };
  const paths = zonePaths(roots, 'web');
  beforeEach(() => {
    rmSync(paths.run, { recursive: true, force: true });
    mkdirSync(paths.run, { recursive: true });
  });
  after(() => rmSync(directory, { recursive: true }));

  const exit = () => writeRunTimeFile(paths.exit, JSON.stringify({ version: 1, status: 7 }));

  /** Of a process that has ended, with this one as its monitor; or one that has ended, too. */
  async function ran(isMonitored: boolean): Promise<void> {
    const mine = (await readProcess(process.pid))?.startTime ?? expect.fail();
    const record = { version: 1, pid: process.pid, startTime: '1', startedAtMs: 0, monitorPid: process.pid };
    await writeRunTimeFile(paths.running, JSON.stringify({ ...record, monitorStartTime: isMonitored ? mine : '1' }));
  }

  it('is waited for until its monitor has written how it was', async () => {
    await ran(true);
    let hasReturned = false;
    const settled = settleEnd(roots, 'web', patience(60_000)).then(() => {
      hasReturned = true;
    });
    await sleep(20);
    expect(hasReturned).to.equal(false);
    await exit();
    await settled;
    expect(await isEnding(roots, 'web')).to.equal(false);
  });

  it('is not waited for longer than it may take', async () => {
    await ran(true);
    await settleEnd(roots, 'web', 1);
    expect(await isEnding(roots, 'web')).to.equal(true);
  });

  it('is not waited for where nobody will write it, or it is written, or it has never run', async () => {
    expect(await isEnding(roots, 'web')).to.equal(false);
    await ran(false);
    expect(await isEnding(roots, 'web')).to.equal(false);
    await ran(true);
    await exit();
    expect(await isEnding(roots, 'web')).to.equal(false);
  });
});
