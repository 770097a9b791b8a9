import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { hostDeviceNodes } from '../../../src/host/host-devices.js';

describe('device nodes of this machine', () => {
  let dev = '';
  const at = (name: string) => join(dev, name);

  before(() => {
    dev = mkdtempSync(join(tmpdir(), 'tszone-dev-'));
    for (const name of ['input/by-id', 'shm/x', 'pts', '.proc/x']) mkdirSync(at(name), { recursive: true });
    for (const name of ['null', 'ptmx', 'input/event0', 'shm/x/node', 'pts/0', '.proc/x/node'])
      execFileSync('mknod', [at(name), 'c', '1', '3']);
    writeFileSync(at('file'), '');
    symlinkSync('../../shm/x', at('input/by-id/link'));
  });
  after(() => rmSync(dev, { recursive: true }));

  it('are those of the host, not of a terminal, of shared memory, or behind a link', async () => {
    expect(await hostDeviceNodes(dev)).to.deep.equal(['input/event0', 'null'].map(at));
    expect(await hostDeviceNodes()).to.include.members(['/dev/null', '/dev/zero']);
  });

  it('may come and go while they are looked for', async () => {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(
      `const { workerData: { path, stop } } = require('node:worker_threads');
       const { mkdirSync, rmSync } = require('node:fs');
       while (Atomics.load(stop, 0) === 0) {
         mkdirSync(path + '/a/b/c', { recursive: true });
         rmSync(path, { recursive: true });
       }`,
      { eval: true, workerData: { path: at('bus'), stop } },
    );
    await once(worker, 'online');
    try {
      for (let round = 0; round < 3000; round += 1)
        expect(await hostDeviceNodes(dev)).to.deep.equal(['input/event0', 'null'].map(at));
    } finally {
      Atomics.store(stop, 0, 1);
      await once(worker, 'exit');
    }
  });
});
