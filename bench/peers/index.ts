/** All peers: installed, then opened one after the other. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../command.js';
import type { Place } from '../place.js';
import type { Lack } from '../table.js';
import { bwrap } from './bwrap.js';
import { docker } from './docker.js';
import { lxc } from './lxc.js';
import { nspawn } from './nspawn.js';
import { crun, runc } from './oci.js';
import type { Contender, Peer } from './peer.js';
import { podman } from './podman.js';

export const peers: readonly Peer[] = [crun, runc, lxc, nspawn, bwrap, podman, docker];

export interface Peers {
  readonly present: ReadonlyMap<string, Contender>;
  readonly absent: readonly Lack[];
}

const isInstalled = ({ program }: Pick<Peer, 'program'>): boolean => findProgram(program) !== undefined;

/** What peers take for granted. */
const tools = [{ program: 'rsync', package: 'rsync' }];

/** @throws naming the mandatory peers that are still missing */
export function installPeers(mayInstall: boolean): void {
  const missing = [...peers, ...tools].filter((one) => !isInstalled(one)).map((one) => one.package);
  if (missing.length > 0 && mayInstall) {
    console.error(`bench: installing ${missing.join(' ')}`);
    const setup = join(dirname(fileURLToPath(import.meta.url)), '../setup.sh');
    spawnSync(setup, missing, { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const absent = peers.filter((peer) => peer.mandatory && !isInstalled(peer)).map((peer) => peer.name);
  if (absent.length > 0) throw new Error(`mandatory peers are absent: ${absent.join(', ')}`);
}

/** @throws if a mandatory peer does not open */
export async function openPeers(place: Place): Promise<Peers> {
  const present = new Map<string, Contender>();
  const absent: Lack[] = [];
  for (const peer of peers) {
    if (!isInstalled(peer)) {
      absent.push({ name: peer.name, reason: `${peer.package} is not installed` });
      continue;
    }
    try {
      present.set(peer.name, await peer.open(place));
    } catch (error) {
      if (peer.mandatory) throw error;
      const lines = (error instanceof Error ? error.message : String(error)).trimEnd().split('\n');
      const reason = lines[1] ?? lines[0] ?? '';
      absent.push({ name: peer.name, reason: `does not start: ${reason}` });
    }
  }
  return { present, absent };
}

export function versionOf({ version: [program = '', ...args] }: Peer): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  const [line = ''] = `${stdout ?? ''}${stderr ?? ''}`.split('\n');
  return line.replace(/^.*?version /, '').trim();
}
