/** Every path that belongs to one zone. */
import { join } from 'node:path';
import type { Roots } from './roots.js';

export interface ZonePaths {
  /** Persistent: `<root>/zones/NAME`. */
  readonly directory: string;
  /** What the zone is: spec, identity. Its presence means that the zone exists. */
  readonly record: string;
  /** Where `record` of a zone that does not outlive this boot leads to. */
  readonly runRecord: string;
  /** Outside of the directory, so that it outlives it. */
  readonly lock: string;
  /** Holds `upper` and `work`; one tree, so that both lie on one mount. */
  readonly rootfs: string;
  /** What a sparse zone sees as /usr/local. */
  readonly local: string;
  /** Run-time: `<runRoot>/zones/NAME`. */
  readonly run: string;
  readonly launch: string;
  /** For the native entry: the plan of an exec, as far as it is known. */
  readonly enter: string;
  readonly running: string;
  /** There while the zone is prepared. */
  readonly prepared: string;
  readonly exit: string;
  readonly restartFailure: string;
  readonly monitorLock: string;
  readonly monitorSocket: string;
  readonly staging: string;
  readonly log: string;
}

export function zonePaths(roots: Roots, zone: string): ZonePaths {
  const directory = join(roots.root, 'zones', zone);
  const run = join(roots.runRoot, 'zones', zone);
  return {
    directory,
    record: join(directory, 'zone.json'),
    runRecord: join(run, 'zone.json'),
    lock: join(roots.root, 'locks', `${zone}.lock`),
    rootfs: join(directory, 'rootfs'),
    local: join(directory, 'local'),
    run,
    launch: join(run, 'launch.json'),
    enter: join(run, 'enter'),
    running: join(run, 'running.json'),
    prepared: join(run, 'prepared.json'),
    exit: join(run, 'exit.json'),
    restartFailure: join(run, 'restart-failure.json'),
    monitorLock: join(run, 'monitor.lock'),
    monitorSocket: join(run, 'monitor.sock'),
    staging: join(run, 'staging'),
    log: join(directory, 'log'),
  };
}
