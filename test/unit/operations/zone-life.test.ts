import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { hostFacts } from '../../../src/host/index.js';
import { lifeFrom } from '../../../src/operations/zone-view.js';
import { type Roots, readFirstProcess, zonePaths } from '../../../src/state/index.js';
import { aRecord } from '../state/records.js';

describe('the life of a zone that is let go while it is looked at', () => {
  let root: string;
  /** As a monitor does, as soon as one look is over. */
  let whenLookedAtAgain: () => void;
  let roots: Roots;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'tszone-zone-life-'));
    const runRoot = join(root, 'run');
    const plain = { root, runRoot, instance: 'abc123' };
    const { prepared, running } = zonePaths(plain, 'web');
    const startTime = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')[19];
    mkdirSync(join(prepared, '..'), { recursive: true });
    const own = JSON.stringify({ version: 1, pid: process.pid, startTime, startedAtMs: 0 });
    writeFileSync(prepared, own);
    whenLookedAtAgain = () => {
      writeFileSync(running, own);
      rmSync(prepared, { force: true });
    };
    let isOver = false;
    roots = {
      root,
      instance: 'abc123',
      get runRoot() {
        if (isOver) whenLookedAtAgain();
        else queueMicrotask(() => (isOver = true));
        return runRoot;
      },
    };
  });
  afterEach(() => rm(root, { recursive: true }));

  it('runs or is prepared: it has a first process all the time', async () => {
    expect((await readFirstProcess(roots, 'web'))?.pid).to.equal(process.pid);
  });

  it('is not that of a stopped one', async () => {
    const record = await aRecord({ root, runRoot: join(root, 'run'), instance: 'abc123' }, 'web');
    const host = { roots, facts: await hostFacts(), unfinished: [] };
    // It did not run before that look, nor is it prepared any more.
    void roots.runRoot;
    await Promise.resolve();
    const { running, status } = await lifeFrom(host, record, undefined);
    expect([running?.pid, status]).to.deep.equal([process.pid, 'running']);
  });
});
