/** A connection is given up when nothing comes on it; not when this process could not look. */
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { readBody, sendRequest } from '../../../src/images/registry/http.js';
import { patience } from '../../helpers/patience.js';

/** Answers, and makes the number 1 when it has; or is silent. */
const server = `
  const { createServer } = require('node:http');
  const { parentPort, workerData: { shared, isSilent } } = require('node:worker_threads');
  createServer((request, response) => {
    if (isSilent) return;
    response.end('text', () => {
      Atomics.store(shared, 0, 1);
      Atomics.notify(shared, 0);
    });
  }).listen(0, '127.0.0.1', function () {
    parentPort.postMessage(this.address().port);
  });`;

describe('a request over HTTP', function () {
  this.timeout(patience(60_000));
  const idleTimeoutMs = patience(1500);
  const shared = new Int32Array(new SharedArrayBuffer(8));

  async function answerOf(isSilent: boolean): Promise<string | undefined> {
    const worker = new Worker(server, { eval: true, workerData: { shared, isSilent } });
    try {
      const [port] = (await once(worker, 'message')) as [number];
      const request = { url: new URL(`http://127.0.0.1:${port}/`) };
      const answer = await sendRequest(request, { proxies: {}, idleTimeoutMs, insecure: false });
      return (await readBody(answer, 100))?.toString();
    } finally {
      await worker.terminate();
    }
  }

  it('is answered though this process stood still for longer than it waits', async () => {
    let hasStood = false;
    // From the turn in which it is asked, and the time begins, to when the answer is there and the time is over.
    const standStill = () => {
      Atomics.wait(shared, 0, 0, patience(20_000));
      Atomics.wait(shared, 1, 0, idleTimeoutMs + 100);
      hasStood = true;
    };
    const hold = (message: unknown) =>
      (message as { socket: Socket }).socket.once('connect', () => setImmediate(standStill));
    channel('net.client.socket').subscribe(hold);
    try {
      expect(await answerOf(false)).to.equal('text');
    } finally {
      channel('net.client.socket').unsubscribe(hold);
    }
    expect([hasStood, shared[0]]).to.deep.equal([true, 1]);
  });

  it('is given up when nothing comes', async () => {
    const error = await answerOf(true).catch((reason: unknown) => reason);
    expect(String(error)).to.include(`nothing has come for ${idleTimeoutMs} ms`);
  });
});
