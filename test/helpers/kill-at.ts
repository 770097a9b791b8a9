/**
 * A process that runs one operation and kills itself, with SIGKILL, at the n-th step boundary; without an n it runs to
 * the end and prints the boundaries as JSON. Bundled by crash.ts and run by run-kill-at.cjs, since it is started once
 * per boundary.
 */

import { createBackup } from '../../src/operations/backup-create.js';
import { type Boundary, observeBoundaries } from '../../src/operations/boundaries.js';
import { cloneZone } from '../../src/operations/clone-zone.js';
import { createZone } from '../../src/operations/create-zone.js';
import { deleteZone } from '../../src/operations/delete-zone.js';
import { exportZone } from '../../src/operations/export-zone.js';
import { forkZone } from '../../src/operations/fork-zone.js';
import type { HostContext } from '../../src/operations/host-context.js';
import { openHostContext } from '../../src/operations/host-context.js';
import { imageBuild } from '../../src/operations/image-build.js';
import { imageExport } from '../../src/operations/image-export.js';
import { imageImport } from '../../src/operations/image-import.js';
import { imagePull } from '../../src/operations/image-pull.js';
import { importZone } from '../../src/operations/import-zone.js';
import { createPool, type PoolCreateOptions } from '../../src/operations/pool-create.js';
import { deletePool } from '../../src/operations/pool-delete.js';
import { growPool } from '../../src/operations/pool-grow.js';
import { publishZone } from '../../src/operations/publish-zone.js';
import { ReadyRuns } from '../../src/operations/ready-runs.js';
import { renameZone } from '../../src/operations/rename-zone.js';
import { runZone } from '../../src/operations/run-zone.js';
import { setZone } from '../../src/operations/set-zone.js';
import { createSnapshot } from '../../src/operations/snapshot-create.js';
import { deleteSnapshot } from '../../src/operations/snapshot-delete.js';
import { restoreSnapshot } from '../../src/operations/snapshot-restore.js';
import { prepareZone, startZone } from '../../src/operations/start-zone.js';
import { stopZone } from '../../src/operations/stop-zone.js';
import { driverNames, type ZoneOptions } from '../../src/spec/index.js';

export const poolBytes = 256 * 1024 ** 2;

/** The driver is the name's first word: `loop-a`. */
export function poolOptions(name: string): PoolCreateOptions {
  const driver = driverNames.find((one) => name.startsWith(one)) ?? 'overlay';
  return { name, driver, sizeBytes: driver === 'btrfs' ? poolBytes : undefined };
}

export const operations = {
  create: (host: HostContext, zone: ZoneOptions) => createZone(host, zone),
  start: (host: HostContext, { name }: ZoneOptions) => startZone(host, name),
  prepare: (host: HostContext, { name }: ZoneOptions) => prepareZone(host, name),
  stop: (host: HostContext, { name }: ZoneOptions) => stopZone(host, name),
  delete: (host: HostContext, { name }: ZoneOptions) => deleteZone(host, name),
  'delete --force': (host: HostContext, { name }: ZoneOptions) => deleteZone(host, name, { force: true }),
  pull: (host: HostContext, { image }: ZoneOptions) => imagePull(host, image),
  /** From, and to, a place beside the roots; of images it is the zone's that counts. */
  'image import': (host: HostContext, { name, image }: ZoneOptions) =>
    imageImport(host, { name: image, source: `${host.roots.root}.${name}`, force: true }),
  'image export': (host: HostContext, { name, image }: ZoneOptions) =>
    imageExport(host, image, { destination: `${host.roots.root}.${name}` }),
  'image build': (host: HostContext, { image }: ZoneOptions) => imageBuild(host, image),
  rename: (host: HostContext, { name }: ZoneOptions) => renameZone(host, name, `${name}-new`),
  /** To, and from, a file beside the roots. */
  export: (host: HostContext, { name }: ZoneOptions) =>
    exportZone(host, { zone: name, target: `${host.roots.root}.export` }),
  import: (host: HostContext, { name, pool }: ZoneOptions) =>
    importZone(host, { source: `${host.roots.root}.export`, name, pool }),
  /** To a repository and with a password beside the roots. */
  backup: (host: HostContext, { name }: ZoneOptions) =>
    createBackup(host, {
      zone: name,
      repository: `${host.roots.root}.backups`,
      passwordFile: `${host.roots.root}.password`,
    }),
  publish: (host: HostContext, { name }: ZoneOptions) => publishZone(host, { zone: name, image: 'published' }),
  'pool create': (host: HostContext, { pool = '' }: ZoneOptions) => createPool(host, poolOptions(pool)),
  'pool delete': (host: HostContext, { pool = '' }: ZoneOptions) => deletePool(host, pool),
  'pool grow': (host: HostContext, { pool = '' }: ZoneOptions) => growPool(host, pool, 2 * poolBytes),
  'set pool': (host: HostContext, { name, pool }: ZoneOptions) => setZone(host, name, { pool }),
  'set disk': (host: HostContext, { name, disk }: ZoneOptions) => setZone(host, name, { disk }),
  'snapshot create': (host: HostContext, { name }: ZoneOptions) => createSnapshot(host, name, { name: 'new' }),
  'snapshot restore': (host: HostContext, { name }: ZoneOptions) =>
    restoreSnapshot(host, { zone: name, snapshot: 'old' }, { force: true }),
  'snapshot delete': (host: HostContext, { name }: ZoneOptions) =>
    deleteSnapshot(host, { zone: name, snapshot: 'old' }),
  clone: (host: HostContext, { name }: ZoneOptions) => cloneZone(host, { source: name, name: `${name}-new` }),
  'clone to a pool': (host: HostContext, { name, pool }: ZoneOptions) =>
    cloneZone(host, { source: name, name: `${name}-new`, change: { pool } }),
  'fork --rm': (host: HostContext, { name }: ZoneOptions) =>
    forkZone(host, { source: name, name: `${name}-new`, ephemeral: true }),
  'run --rm': async (host: HostContext, zone: ZoneOptions) => {
    const running = await runZone(host, { ...zone, ephemeral: true, command: ['sh', '-c', 'exit 0'] });
    await running.exited;
  },
  /** The third of its kind, which is the zone that waits; the boundaries are those from then on. */
  'run ready': async (host: HostContext, { image }: ZoneOptions) => {
    // However long a run takes on a busy machine, the next one comes soon.
    const ready = new ReadyRuns({ keepMs: 600_000 });
    const observed = observeBoundaries(undefined);
    const descriptors = ['ignore', 'ignore', 'ignore'] as const;
    const input = { image, ephemeral: true, command: ['true'] };
    const start = () => runZone(host, input, { ready, descriptors });
    await (await start()).cleaned;
    observeBoundaries((boundary) => {
      if (boundary.step !== 'waits') return;
      observeBoundaries(observed);
      observed?.(boundary);
    });
    await (await start()).cleaned;
    const third = await start();
    // No fourth.
    await ready.close();
    await third.cleaned;
  },
} as const;

export interface KillOrder {
  readonly root: string;
  readonly runRoot: string;
  readonly operation: keyof typeof operations;
  readonly zone: ZoneOptions;
  /** Index of the boundary; none: run to the end. */
  readonly at?: number;
}

export async function main(order: KillOrder): Promise<void> {
  const host = await openHostContext(order);
  const seen: Boundary[] = [];
  observeBoundaries((boundary) => {
    seen.push(boundary);
    if (seen.length - 1 === order.at) process.kill(process.pid, 'SIGKILL');
  });
  await operations[order.operation](host, order.zone);
  process.stdout.write(JSON.stringify(seen.map(({ operation, step }) => `${operation}: ${step}`)));
}
