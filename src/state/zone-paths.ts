/** Every path that belongs to one zone. */
import type { Roots } from './roots.js';

export interface ZonePaths {
  /** Persistent: `<root>/zones/NAME`. */
  readonly directory: string;
  /** What the zone is: spec, identity. Its presence means that the zone exists. */
  readonly record: string;
  /** Where `record` of a zone that does not outlive this boot leads to. */
  readonly runRecord: string;
  /** Of one that is made ahead: what its record will be. */
  readonly unseenRecord: string;
  /** Outside of the directory, so that it outlives it. */
  readonly lock: string;
  /** Holds `upper` and `work`; one tree, so that both lie on one mount. */
  readonly rootfs: string;
  /** What a sparse zone sees as /usr/local. */
  readonly local: string;
  /** One file each, and what of a snapshot lies in no layer. */
  readonly snapshots: string;
  /** What it was like at its last backups. */
  readonly backups: string;
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

/** Roots are absolute and normal, names have no slash: nothing is left for `join` to do, which thousands of zones would notice. */
export function zonePaths(roots: Roots, zone: string): ZonePaths {
  const directory = `${roots.root}/zones/${zone}`;
  const run = `${roots.runRoot}/zones/${zone}`;
  return {
    directory,
    record: recordPath(roots, zone),
    runRecord: `${run}/zone.json`,
    unseenRecord: `${run}/unseen.json`,
    lock: `${roots.root}/locks/${zone}.lock`,
    rootfs: `${directory}/rootfs`,
    local: `${directory}/local`,
    snapshots: `${directory}/snapshots`,
    backups: `${directory}/backups.json`,
    run,
    launch: `${run}/launch.json`,
    enter: `${run}/enter`,
    running: runningPath(roots, zone),
    prepared: `${run}/prepared.json`,
    exit: `${run}/exit.json`,
    restartFailure: `${run}/restart-failure.json`,
    monitorLock: `${run}/monitor.lock`,
    monitorSocket: `${run}/monitor.sock`,
    staging: `${run}/staging`,
    log: `${directory}/log`,
  };
}

/** The same alone, for lists of thousands. */
export const recordPath = ({ root }: Pick<Roots, 'root'>, zone: string) => `${root}/zones/${zone}/zone.json`;
export const runningPath = ({ runRoot }: Pick<Roots, 'runRoot'>, zone: string) =>
  `${runRoot}/zones/${zone}/running.json`;
