/** Runs inside a net namespace of a test: does the calls that come as JSON lines on stdin, one after the other. */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { EnterOp } from '../../src/helper/protocol.js';
import { netlink } from '../../src/netif/client.js';
import * as netif from '../../src/netif/index.js';
import { decodeMessages } from '../../src/netif/wire/bytes.js';
import { dropJournal, type Roots, writeJournal } from '../../src/state/index.js';
import * as state from '../../src/state/networks.js';
import { patience } from './patience.js';

interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly protocol?: 'tcp' | 'udp';
  /** Until it is silence; where an answer is expected, as long as that may take. */
  readonly waitMs?: number;
}

/** Answers everything with the address that it came from. */
async function serve({ host, port, protocol }: Endpoint): Promise<void> {
  if (protocol === 'udp') {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (_, from) => socket.send(plain(from.address), from.port, from.address));
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(port, host, resolve));
    return;
  }
  const server = createServer((socket) => socket.on('error', () => {}).end(plain(socket.remoteAddress ?? '')));
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
}

const plain = (address: string) => address.replace(/^::ffff:/, '');

/** What the server says, or the error's code; or `silence`. */
function ask({ host, port, protocol, waitMs = patience(30_000) }: Endpoint): Promise<string> {
  return new Promise((resolve) => {
    const end = (close: () => void) => (answer: string) => {
      clearTimeout(timer);
      close();
      resolve(answer);
    };
    let done: (answer: string) => void;
    // In the next turn: an answer that has come while this process stood still is one.
    const timer = setTimeout(() => setImmediate(() => done('silence')), waitMs);
    if (protocol === 'udp') {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      done = end(() => socket.close());
      socket.once('message', (answer) => done(answer.toString()));
      socket.send('?', port, host);
    } else {
      const socket: Socket = connect(port, host);
      done = end(() => socket.destroy());
      socket.once('data', (answer) => done(answer.toString()));
      socket.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    }
  });
}

/** What the helper does with these ops. */
async function send(ops: readonly EnterOp[]): Promise<void> {
  for (const op of ops) {
    if (op.op !== 'nl.send' && op.op !== 'exit.nl') throw new Error(`not for here: ${op.op}`);
    const client = await netlink(op.protocol === '0' ? 'route' : 'netfilter');
    const messages = decodeMessages(Buffer.from(op.hex, 'hex'));
    const edges = op.protocol === '12' ? 1 : 0;
    const inner = messages.slice(edges, messages.length - edges);
    if (edges === 1) await client.batch('send', inner);
    else for (const message of inner) await client.request('send', message);
  }
}

/** Makes a zone look as if it were being started. */
const beginStart = (roots: Roots, zone: string) =>
  writeJournal(roots, {
    version: 1,
    operation: 'start',
    zone,
    recovery: 'back',
    completeIfRunning: true,
    place: 'run',
    ops: [],
  });
const endStart = (roots: Roots, zone: string) => dropJournal(roots, { zone, place: 'run' });

export const calls = {
  ...netif,
  ...state,
  apply: netif.netHandlers.apply,
  undo: netif.netHandlers.undo,
  serve,
  ask,
  send,
  beginStart,
  endStart,
};
export type Calls = typeof calls;

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line) as { call: keyof Calls; args: unknown[] };
  try {
    const result = await (calls[call] as unknown as (...args: unknown[]) => unknown)(...args);
    process.stdout.write(`${JSON.stringify({ result: result ?? null })}\n`);
  } catch (error) {
    const { message, code, context } = error as { message: string; code?: string; context?: unknown };
    process.stdout.write(`${JSON.stringify({ error: { message, code, context } })}\n`);
  }
}
