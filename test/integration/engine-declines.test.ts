/** An engine that does not do a command after all: whoever asked does it, with all that has come meanwhile. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { clientFrames, encodeClientFrame } from '../../src/helper/frames.js';
import { Handing } from '../helpers/both-ways.js';
import { givenHost } from '../helpers/given.js';
import { eventually } from '../helpers/patience.js';

describe('an engine that declines', () => {
  const given = givenHost();

  /** Accepts, and declines when it has been told of `signals`, or at once. @returns how the command ended */
  async function declined(signals: readonly NodeJS.Signals[]) {
    const { host } = given;
    const handing = await Handing.in(host);
    let heard = Buffer.alloc(0);
    const server = createServer((socket: Socket) => {
      socket
        .on('error', () => {})
        .on('data', (chunk: Buffer) => {
          heard = Buffer.concat([heard, chunk]);
        });
      socket.write(encodeClientFrame('accept'));
      void eventually('it is told', () => framesOf(heard).filter((kind) => kind === 2).length === signals.length).then(
        () => socket.end(encodeClientFrame('decline')),
        () => socket.destroy(),
      );
    }).listen(join(host.runRoot, 'engine.sock'));
    try {
      await once(server, 'listening');
      const running = handing.start(host, ['create', 'web']);
      await eventually('it has asked', () => framesOf(heard).includes(1) || running.process.exitCode !== null);
      for (const signal of signals) running.process.kill(signal);
      return await running.ended;
    } finally {
      server.close();
      await once(server, 'close');
    }
  }

  it('leaves the command to who asked', async () => {
    const { status, stdout } = await declined([]);
    expect(status).to.equal(0);
    expect(stdout).to.match(/^handed over .*\[create\] \[web\]/);
  });

  it('leaves it the signals, too, that it was told of: such a command ends as without an engine', async () => {
    const { status, stdout } = await declined(['SIGTERM']);
    expect({ status, stdout }).to.deep.equal({ status: 143, stdout: '' });
  });
});

/** native/frames.h: size, id, kind. */
function framesOf(bytes: Buffer): number[] {
  const kinds: number[] = [];
  for (let at = 0; at + 12 <= bytes.length; at += 12 + bytes.readUInt32LE(at)) kinds.push(bytes.readUInt32LE(at + 8));
  expect(kinds).to.not.include(clientFrames.accept);
  return kinds;
}
