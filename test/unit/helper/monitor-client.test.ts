import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { attachConsole } from '../../../src/helper/monitor-client.js';
import { patience } from '../../helpers/patience.js';

/** A monitor that answers one question, and closes the next connection before it is told anything; then `closed[0]` is 1. */
const fleeting = `
  const { workerData: { path, closed }, parentPort } = require('node:worker_threads');
  let isAsked = false;
  require('node:net').createServer((socket) => {
    if (!isAsked) socket.once('data', () => socket.end('{"isConsoleBusy":false}\\n'));
    else {
      socket.on('close', () => {
        Atomics.store(closed, 0, 1);
        Atomics.notify(closed, 0);
      });
      socket.destroy();
    }
    isAsked = true;
  }).listen(path, () => parentPort.postMessage('listening'));`;

describe('the console of a zone', () => {
  it('is not to be had, and that is all, when its monitor ends just then', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tszone-monitor-'));
    const path = join(directory, 'sock');
    const closed = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(fleeting, { eval: true, workerData: { path, closed } });
    let connections = 0;
    // Once the second connection is made, nothing runs here until it is closed there.
    const hold = () => {
      connections += 1;
      if (connections === 2) queueMicrotask(() => Atomics.wait(closed, 0, 0, patience(20_000)));
    };
    channel('net.client.socket').subscribe(hold);
    try {
      await once(worker, 'message');
      const failure = await attachConsole(path).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(failure).to.have.property('code', 'ZONE_NOT_RUNNING');
    } finally {
      channel('net.client.socket').unsubscribe(hold);
      await worker.terminate();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
