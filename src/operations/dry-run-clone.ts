/** `--dry-run` of `clone` and `fork`. Nothing is changed. */
import { randomBytes, randomInt } from 'node:crypto';
import { changeSpec, generateName, parseZoneOptions } from '../spec/index.js';
import { readRunning, readSnapshot, readZone, type ZoneRecord } from '../state/index.js';
import { layerDriverOf } from '../storage/index.js';
import type { CloneMove } from './clone-pool.js';
import { type CloneInput, decideClone, planClone, recordOf, type Source } from './clone-zone.js';
import { identityStep, localSteps, mergeSteps, previewFreeze } from './dry-run-freeze.js';
import { startSteps } from './dry-run-launch.js';
import { makingSteps } from './dry-run-lease.js';
import { type DryRun, type DryStep, hostSteps, notesOf } from './dry-run-step.js';
import { isWrittenLate } from './due-identity.js';
import type { ForkInput } from './fork-zone.js';
import type { HostContext } from './host-context.js';
import { refuseExisting } from './make-zone.js';
import { planVolumeChange } from './set-volume.js';
import { directoryOf, frozenLayersOf, volumeOf } from './zone-storage.js';

/** @throws as `cloneZone`, but for what is found out only by doing it: a disk that is full */
export async function dryRunClone(host: HostContext, input: CloneInput): Promise<DryRun> {
  const { steps, behind, notes } = await previewClone(host, input);
  return { operation: 'clone', name: input.name, steps: [...steps, ...behind], ...notesOf(notes) };
}

/** A name that is generated is another one when it is done. @throws as `dryRunClone`, and what planning a start throws */
export async function dryRunFork(host: HostContext, input: ForkInput): Promise<DryRun> {
  const name = input.name ?? generateName(randomInt);
  const { steps, behind, notes, record, seen } = await previewClone(host, { ...input, name });
  const start = await startSteps(host, record, { seen });
  return { operation: 'fork', name, steps: [...steps, ...start, ...behind], ...notesOf(notes) };
}

interface ClonePreview {
  readonly steps: readonly DryStep[];
  /** What comes last. */
  readonly behind: readonly DryStep[];
  readonly notes: readonly string[];
  /** The clone's, as it would be by then. */
  readonly record: ZoneRecord;
  /** Where what it is made of lies now. */
  readonly seen: readonly string[];
}

async function previewClone(host: HostContext, input: CloneInput): Promise<ClonePreview> {
  const { roots } = host;
  const { name, keepIdentity = false } = input;
  parseZoneOptions({ name, image: 'sparse' });
  const zone = await readZone(roots, input.source);
  await refuseExisting(host, name);
  const { source, freeze, behind, seen } = await previewSource(host, zone, input);
  const { spec, notes, move } = await decideClone(host, source, input);
  const asked = recordOf(source, spec, keepIdentity ? source.machineId : randomBytes(16).toString('hex'));
  const { network, steps: make, ids } = await makingSteps(host, spec, await planClone(host, asked, source));
  const place = await volumeOf(roots, asked);
  const isLate = isWrittenLate(place) && !keepIdentity;
  const record = withLayers(asked, place.pool.name, place.driver.layersBelow(source.layers));
  const identity = keepIdentity || isLate ? [] : [identityStep(name)];
  const write = hostSteps('prepare', [{ op: 'state.zone-write', roots, record } as { op: string }]);
  const made = [...freeze, ...network, ...make, ...localSteps(zone), ...identity, ...write];
  const due = { ...record, ids, ...(isLate ? ({ identityDue: true } as const) : {}) };
  const moved = await moveSteps(host, due, move);
  return { steps: [...made, ...moved.steps], behind, notes, record: moved.record, seen };
}

/** What is frozen of a zone, or a snapshot that is there. @throws SNAPSHOT_NOT_FOUND */
async function previewSource(
  host: HostContext,
  zone: ZoneRecord,
  { source: name, snapshot }: CloneInput,
): Promise<{
  readonly source: Source;
  readonly freeze: readonly DryStep[];
  readonly behind: readonly DryStep[];
  readonly seen: readonly string[];
}> {
  const still = { copiedBytes: 0 } as const;
  const place = await volumeOf(host.roots, zone);
  if (snapshot !== undefined) {
    const found = await readSnapshot(host.roots, name, snapshot);
    const isRunning = (await readRunning(host.roots, name)) !== undefined;
    const behind = isRunning ? [] : mergeSteps(name, layerDriverOf(place.pool), place.layers.length);
    return { source: { ...found, isCopy: false, ...still }, freeze: [], behind, seen: [] };
  }
  const { steps, behind, ...frozen } = await previewFreeze(host, zone, { isTaken: true });
  const source = { ...zone, pool: place.pool.name, ...frozen, ...still };
  const seen = [`${directoryOf(place)}/upper`, ...frozenLayersOf(place)];
  return { source, freeze: [...steps, ...localSteps(zone)], behind, seen };
}

function withLayers(record: Omit<ZoneRecord, 'ids'>, pool: string, layers: readonly string[]): Omit<ZoneRecord, 'ids'> {
  return { ...record, storage: { pool, volume: record.storage?.volume ?? '', layers } };
}

/** To the pool that it is to lie in, as `set --pool` would. @throws POOL_CANNOT */
async function moveSteps(
  host: HostContext,
  record: ZoneRecord,
  move: CloneMove | undefined,
): Promise<{ readonly steps: readonly DryStep[]; readonly record: ZoneRecord }> {
  if (move === undefined) return { steps: [], record };
  const plan = await planVolumeChange(host, record, changeSpec(record.spec, move), 'both');
  if (plan === undefined) return { steps: [], record };
  const identity = record.identityDue === true ? [identityStep(record.spec.name)] : [];
  return { steps: [...identity, ...hostSteps('prepare', [...plan.make, ...plan.finish])], record: plan.record };
}
