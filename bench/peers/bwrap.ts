/** bubblewrap: namespaces and mounts, no more. */
import type { Contender, Peer } from './peer.js';

export const bwrap: Peer = {
  name: 'bwrap',
  program: 'bwrap',
  package: 'bubblewrap',
  mandatory: true,
  version: ['bwrap', '--version'],
  async open({ rootfs }): Promise<Contender> {
    const command = (payload: readonly string[]) => ({
      argv: ['bwrap', '--unshare-all', '--bind', rootfs, '/', '--proc', '/proc', '--dev', '/dev', ...payload],
    });
    return {
      makes: 'all namespaces, own root, /proc and /dev; no limits, no overlay, no network',
      run: (network) => (network ? 'makes no interfaces' : command(['/bin/true'])),
      life: () => 'has no such commands',
      exec: () => 'has no such command',
      attach: () => 'has no such command',
      foreground: (_, payload) => command(payload),
      close: async () => {},
    };
  },
};
