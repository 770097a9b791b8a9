/** Ports of this machine for tests that publish one by its number. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below those that the kernel gives to clients (ip_local_port_range), of which any may be taken at any moment. */
const [first, last] = [20_000, 31_999];
const held: Server[] = [];
let next = first + (process.pid % (last - first));

/** One that nobody listens on, and that no other test gets as long as this process lives, also of a run beside this one. */
export async function takePort(): Promise<number> {
  for (let tries = 0; tries < last - first; tries += 1) {
    next = next >= last ? first : next + 1;
    const port = next;
    const name = await listening({ path: `\0tszone-test-port-${port}` });
    if (name === undefined) continue;
    const server = await listening({ host: '0.0.0.0', port });
    server?.close();
    if (server === undefined) {
      name.close();
      continue;
    }
    held.push(name.unref());
    return port;
  }
  throw new Error(`no port from ${first} to ${last} is free`);
}

/** `undefined`: somebody has it. */
async function listening(place: { path: string } | { host: string; port: number }): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).listen({ ...place, exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
