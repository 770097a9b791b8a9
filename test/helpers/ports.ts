/** Ports and ranges of this machine for tests that name one. */
import { holdName, listening } from './held-names.js';

/** Below those that the kernel gives to clients (ip_local_port_range), of which any may be taken at any moment. */
const [first, last] = [20_000, 31_999];
let next = first + (process.pid % (last - first));

/** One that nobody listens on, and that no other test gets as long as this process lives, also of a run beside this one. */
export async function takePort(): Promise<number> {
  for (let tries = 0; tries < last - first; tries += 1) {
    next = next >= last ? first : next + 1;
    const port = next;
    const held = await holdName(`port-${port}`);
    if (held === undefined) continue;
    const server = await listening({ host: '0.0.0.0', port });
    if (server !== undefined) {
      server.close();
      return port;
    }
    held[Symbol.dispose]();
  }
  throw new Error(`no port from ${first} to ${last} is free`);
}

/** One of the /24 of 198.18.0.0/15 (RFC 2544) of which no other test makes a network. */
export async function takeRange(): Promise<string> {
  for (let third = 200; third < 256; third += 1) {
    const range = `198.18.${third}.0/24`;
    if ((await holdName(`range-${range}`)) !== undefined) return range;
  }
  throw new Error('no range is free');
}
