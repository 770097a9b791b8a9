/** systemd-nspawn, without the machine manager: that would need systemd as pid 1. */
import { cpSync } from 'node:fs';
import type { Place } from '../place.js';
import type { Contender, Peer } from './peer.js';

const needsManager = 'only with systemd as pid 1';

export const nspawn: Peer = {
  name: 'nspawn',
  program: 'systemd-nspawn',
  package: 'systemd-container',
  mandatory: true,
  version: ['systemd-nspawn', '--version'],
  async open(place: Place): Promise<Contender> {
    // Of each tree there is only one container at a time.
    const command = (name: string, payload: readonly string[], ...options: readonly string[]) => {
      const tree = `${place.make('nspawn')}/${name}`;
      cpSync(place.rootfs, tree, { recursive: true });
      const quiet = [
        '--quiet',
        '--register=no',
        '--keep-unit',
        '--resolv-conf=off',
        '--timezone=off',
        '--link-journal=no',
      ];
      return { argv: ['systemd-nspawn', ...quiet, `--machine=${name}`, `--directory=${tree}`, ...options, ...payload] };
    };
    const network = [`--network-bridge=${place.bridge.name}`, '--volatile=overlay'];
    return {
      makes: 'namespaces but user, seccomp; with network also an overlay on tmpfs and a veth, no address; no limits',
      run: (isNet, name = isNet ? 'net' : 'run') =>
        command(name, ['/bin/true'], ...(isNet ? network : ['--private-network'])),
      life: () => needsManager,
      exec: () => needsManager,
      attach: () => needsManager,
      foreground: (name, payload) => command(name, payload, '--private-network'),
      close: async () => {},
    };
  },
};
