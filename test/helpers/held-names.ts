/** Names of which this machine has one holder at a time, also of several runs side by side: abstract sockets, which end with their process. */
import { once } from 'node:events';
import { createServer, type ListenOptions, type Server } from 'node:net';

/** Not called after tszone, of which a test says that it has no such sockets. @returns `undefined`: somebody has it */
export async function holdName(name: string): Promise<Disposable | undefined> {
  const server = await listening({ path: `\0held-by-a-test-${name}` });
  server?.unref();
  return server && { [Symbol.dispose]: () => void server.close() };
}

/** @returns `undefined`: somebody has it */
export async function listening(place: ListenOptions): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy()).listen({ ...place, exclusive: true });
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
}
