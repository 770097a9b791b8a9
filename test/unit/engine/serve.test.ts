import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { askToDropReady, enginePaths, stopEngine } from '../../../src/engine/index.js';
import { readProcess, writeRunTimeFile } from '../../../src/state/index.js';

describe('a signal to an engine', () => {
  let runRoot: string;
  const { kill } = process;
  beforeEach(() => {
    runRoot = mkdtempSync(join(tmpdir(), 'tszone-engine-'));
  });
  afterEach(() => {
    process.kill = kill;
    rmSync(runRoot, { recursive: true });
  });

  const record = (startTime: string) =>
    writeRunTimeFile(enginePaths(runRoot).record, JSON.stringify({ version: 1, pid: process.pid, startTime }));

  it('is sent to none where there is no record, or another process has its pid', async () => {
    process.kill = () => expect.fail('it was sent');
    expect(await stopEngine(runRoot)).to.equal(false);
    await record('1');
    expect(await stopEngine(runRoot)).to.equal(false);
  });

  it('that ends at that instant is as one to an engine that has ended', async () => {
    await record((await readProcess(process.pid))?.startTime ?? '');
    process.kill = () => {
      throw Object.assign(new Error('kill ESRCH'), { code: 'ESRCH' });
    };
    expect([await stopEngine(runRoot), await askToDropReady(runRoot)]).to.deep.equal([false, false]);
  });
});
