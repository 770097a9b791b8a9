/** Whether a program of the host has a port. Asked by binding it for a moment: /proc/net/tcp takes the kernel 5 ms. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { isErrno } from '../state/index.js';

export interface HostPort {
  readonly protocol: 'tcp' | 'udp';
  readonly hostAddress: string;
  readonly hostPort: number;
}

/** An address that the host does not have (yet) has no programs on it. */
export async function isTakenByProgram(port: HostPort): Promise<boolean> {
  try {
    await (port.protocol === 'tcp' ? bindTcp(port) : bindUdp(port));
    return false;
  } catch (error) {
    if (isErrno(error, 'EADDRINUSE')) return true;
    if (isErrno(error, 'EADDRNOTAVAIL')) return false;
    throw error;
  }
}

function bindTcp({ hostAddress, hostPort }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ host: hostAddress, port: hostPort, ipv6Only: true, exclusive: true }, () =>
      server.close(() => resolve()),
    );
  });
}

function bindUdp({ hostAddress, hostPort }: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: hostAddress.includes(':') ? 'udp6' : 'udp4',
      ipv6Only: hostAddress.includes(':'),
    });
    socket.once('error', (error) => socket.close(() => reject(error)));
    socket.bind({ address: hostAddress, port: hostPort, exclusive: true }, () => socket.close(() => resolve()));
  });
}
