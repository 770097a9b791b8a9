import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { lapse } from '../../../src/host/lapse.js';

/** The whole process, for longer than the limits below. */
const standStill = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);

describe('a time limit', () => {
  let directory: string;
  let near: Socket;
  let far: Socket;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-lapse-'));
    const server = createServer().listen(join(directory, 'socket'));
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    near = connect(join(directory, 'socket'));
    [[far]] = await Promise.all([accepted, once(near, 'connect')]);
    server.close();
  });
  afterEach(() => {
    near.destroy();
    far.destroy();
    rmSync(directory, { recursive: true });
  });

  const first = (limit: Promise<string>) => {
    const answer = once(near, 'data').then(String);
    far.write('in time');
    standStill();
    return Promise.race([answer, limit]);
  };

  it('is not over before what has come in time has been looked at', async () => {
    expect(await first(lapse(1).then(() => 'too late'))).to.equal('in time');
  });

  it('is over if nothing has come, and can be called off', async () => {
    await lapse(1);
    const stop = new AbortController();
    const waiting = lapse(60_000, { signal: stop.signal }).catch((error: Error) => error.name);
    stop.abort();
    expect(await waiting).to.equal('AbortError');
  });
});
