/** A connection is given up when nothing comes on it; not when this process could not look. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { readBody, sendRequest } from '../../../src/images/registry/http.js';
import { patience } from '../../helpers/patience.js';

/** Says when it is asked; answers when the first number is 1, makes it 2, and is silent if the second one is 1. */
const server = `
  const { createServer } = require('node:http');
  const { parentPort, workerData } = require('node:worker_threads');
  createServer((request, response) => {
    parentPort.postMessage('asked');
    Atomics.wait(workerData, 0, 0);
    if (workerData[1] === 1) return;
    response.end('text', () => {
      Atomics.store(workerData, 0, 2);
      Atomics.notify(workerData, 0);
    });
  }).listen(0, '127.0.0.1', function () {
    parentPort.postMessage(this.address().port);
  });`;

describe('a request over HTTP', function () {
  this.timeout(patience(20_000));
  const idleTimeoutMs = patience(1500);
  let shared: Int32Array;
  let worker: Worker;

  beforeEach(() => {
    shared = new Int32Array(new SharedArrayBuffer(12));
    worker = new Worker(server, { eval: true, workerData: shared });
  });
  afterEach(() => worker.terminate());

  /** @returns when the server has been asked, and waits */
  async function ask() {
    const [port] = (await once(worker, 'message')) as [number];
    const asked = once(worker, 'message');
    const request = { url: new URL(`http://127.0.0.1:${port}/`) };
    const answer = sendRequest(request, { proxies: {}, idleTimeoutMs, insecure: false });
    answer.catch(() => undefined);
    await asked;
    return { answer };
  }

  function letGo(isSilent: boolean): void {
    shared[1] = isSilent ? 1 : 0;
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
  }

  it('is answered though this process stood still for longer than it waits', async () => {
    const { answer } = await ask();
    letGo(false);
    // Nothing of this process goes on until the answer is there and the time is over.
    Atomics.wait(shared, 0, 1);
    Atomics.wait(shared, 2, 0, idleTimeoutMs + 100);
    expect((await readBody(await answer, 100))?.toString()).to.equal('text');
  });

  it('is given up when nothing comes', async () => {
    const { answer } = await ask();
    letGo(true);
    const error = await answer.catch((reason: unknown) => reason);
    expect(String(error)).to.include(`nothing has come for ${idleTimeoutMs} ms`);
  });
});
