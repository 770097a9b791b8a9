/**
 * `snapshot mount`: the files of a snapshot on the host, to look at. What is in them is the zone's, and may be hostile: nothing of it can
 * be executed, is set-uid or a device, nothing can be written, and owners are those that the zone's processes have on the host.
 */
import { text } from 'node:stream/consumers';
import { hasCode, zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { mkdir, rmdir, stat } from '../host/quick-fs.js';
import { runTool as runHostTool } from '../host/tool.js';
import { hasHostIds } from '../spec/index.js';
import {
  makeStateDirectory,
  mountsOf,
  type Roots,
  readSnapshot,
  readZone,
  type SnapshotRecord,
  type ZoneRecord,
} from '../state/index.js';
import { driverOf } from '../storage/index.js';
import type { HostContext } from './host-context.js';
import { imageLayersOf } from './zone-files.js';
import { lockZone, type OperationOptions } from './zone-lock.js';
import { findPoolOf } from './zone-storage.js';

export interface SnapshotPlace {
  readonly zone: string;
  readonly snapshot: string;
}

export interface MountedSnapshot extends SnapshotPlace {
  readonly path: string;
}

/** In mountinfo(5), where it is found again. */
const sourceOf = ({ instance }: Roots, { id }: Pick<SnapshotRecord, 'id'>) => `tszone-${instance}-${id}`;

const openedAs = ({ id }: Pick<SnapshotRecord, 'id'>) => `view-${id}`;

/**
 * @param at a directory of the host; one that only root can enter if not given. Mounted there already is success.
 * @throws ZONE_NOT_FOUND, SNAPSHOT_NOT_FOUND, PATH_NOT_FOUND, KERNEL_STEP_FAILED
 */
export async function mountSnapshot(
  host: HostContext,
  { zone, snapshot }: SnapshotPlace,
  at: string | undefined,
  options: OperationOptions = {},
): Promise<MountedSnapshot> {
  await using _lock = await lockZone(host, zone, options);
  const record = await readZone(host.roots, zone);
  const found = await readSnapshot(host.roots, zone, snapshot);
  const path = at ?? (await ownPlace(host.roots, zone, snapshot));
  if (at !== undefined) await requireDirectory(at);
  if (!(await mountsOf(sourceOf(host.roots, found))).includes(path)) await mountAt(host, record, found, path);
  return { zone, snapshot, path };
}

const ownPathOf = ({ runRoot }: Roots, { zone, snapshot }: SnapshotPlace) => `${runRoot}/snapshots/${zone}@${snapshot}`;

async function ownPlace(roots: Roots, zone: string, snapshot: string): Promise<string> {
  const path = ownPathOf(roots, { zone, snapshot });
  await makeStateDirectory(`${roots.runRoot}/snapshots`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Where it would be mounted, and where it is. @throws as `mountSnapshot` */
export async function placeOfView(
  { roots }: HostContext,
  place: SnapshotPlace,
  at: string | undefined,
): Promise<{ readonly path: string; readonly paths: readonly string[]; readonly isMounted: boolean }> {
  await readZone(roots, place.zone);
  if (at !== undefined) await requireDirectory(at);
  const paths = await mountsOf(sourceOf(roots, await readSnapshot(roots, place.zone, place.snapshot)));
  const path = at ?? ownPathOf(roots, place);
  return { path, paths, isMounted: paths.includes(path) };
}

async function requireDirectory(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return;
  throw zoneError('PATH_NOT_FOUND', `"${path}" is no directory`, {
    hint: `Run "mkdir -p ${path}" first.`,
    context: { path },
  });
}

async function mountAt(
  host: HostContext,
  { ids, spec }: ZoneRecord,
  found: SnapshotRecord,
  path: string,
): Promise<void> {
  const pool = await findPoolOf(host.roots, found.pool);
  const driver = driverOf(pool);
  const opening = { id: openedAs(found), layers: found.layers };
  if (driver.needsOpen(pool)) await driver.open(pool, opening);
  const frozen = found.layers.map((layer) => driver.layerDirectory(pool, layer, opening.id));
  const layers = [...frozen, ...imageLayersOf(host, found.image)];
  const range = hasHostIds(spec) ? [] : ['--ids', `${ids.base}:${ids.count}`];
  const args = ['--at', path, '--source', sourceOf(host.roots, found), ...range, ...layers];
  const tool = runTool('view', args, { stderr: 'pipe' });
  const [status, said] = await Promise.all([tool.exited, tool.stderr === null ? '' : text(tool.stderr)]);
  if (status === 0) return;
  if (driver.needsOpen(pool)) await driver.close(pool, opening);
  throw zoneError('KERNEL_STEP_FAILED', `snapshot "${spec.name}@${found.name}" could not be mounted at "${path}"`, {
    hint: 'See the kernel log (dmesg), then repeat the command.',
    context: { step: 'snapshot.mount', path, reason: said.trim() },
  });
}

/** @returns where it was mounted; nowhere is success @throws SNAPSHOT_NOT_FOUND, SNAPSHOT_IN_USE */
export async function unmountSnapshot(
  host: HostContext,
  { zone, snapshot }: SnapshotPlace,
  options: OperationOptions = {},
): Promise<string[]> {
  await using _lock = await lockZone(host, zone, options);
  await readZone(host.roots, zone);
  return await unmountViews(host.roots, zone, await readSnapshot(host.roots, zone, snapshot));
}

/** Somebody may look at it. */
export const isViewed = async (roots: Roots, record: SnapshotRecord): Promise<boolean> =>
  (await mountsOf(sourceOf(roots, record))).length > 0;

/** Call with the zone's lock held. @throws SNAPSHOT_IN_USE */
export async function unmountViews(roots: Roots, zone: string, record: SnapshotRecord): Promise<string[]> {
  const paths = await mountsOf(sourceOf(roots, record));
  for (const path of paths) {
    await unmount(path, `${zone}@${record.name}`);
    if (path.startsWith(`${roots.runRoot}/snapshots/`)) await rmdir(path).catch(() => {});
  }
  const pool = await findPoolOf(roots, record.pool);
  const driver = driverOf(pool);
  if (paths.length > 0 && driver.needsOpen(pool))
    await driver.close(pool, { id: openedAs(record), layers: record.layers });
  return paths;
}

async function unmount(path: string, name: string): Promise<void> {
  try {
    await runHostTool({ tool: 'umount', args: [path], package: 'mount', timeoutMs: 10_000 });
  } catch (error) {
    if (!hasCode(error, 'HOST_TOOL_FAILED')) throw error;
    throw zoneError('SNAPSHOT_IN_USE', `snapshot "${name}" is mounted at "${path}", where somebody works`, {
      hint: `See who with "fuser -vm ${path}", then repeat the command; "umount -l ${path}" takes it away from them.`,
      context: { snapshot: name, path },
      cause: error,
    });
  }
}
