/** Under which conditions a run was made: without them its figures say little. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import type { Options } from './options.js';
import { peers, versionOf } from './peers/index.js';
import { entry } from './peers/tszone.js';

const git = (...args: string[]): string => {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'unknown';
  }
};

export interface Conditions {
  readonly [name: string]: string;
}

export function conditionsOf(options: Options, surroundings: readonly string[]): Conditions {
  const { rounds, warmup, pauseMs } = options;
  return {
    date: new Date().toISOString(),
    tree: `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : ', changed'}`,
    kernel: release(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
    load: loadavg()
      .map((load) => load.toFixed(2))
      .join(' '),
    node: process.version,
    entry: entry.join(' '),
    engine: 'off for "tszone", on for "tszone warm"',
    NODE_EXTRA_CA_CERTS: 'unset',
    payload: 'the same static true, or a program that sleeps, from the same root file system',
    rounds: `${rounds}, interleaved, after ${warmup} not counted; ${pauseMs} ms of rest before each command`,
    surroundings: surroundings.join('; '),
    ...Object.fromEntries(peers.map((peer) => [peer.name, versionOf(peer)])),
  };
}
