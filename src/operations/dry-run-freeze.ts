/** What freezing a zone would do, for the dry runs of what begins with it. */
import { readRunning, type ZoneRecord } from '../state/index.js';
import { layerDriverOf, type StorageDriver, type StorageOp } from '../storage/index.js';
import { settleSteps } from './dry-run-launch.js';
import { type DryStep, hostSteps, plainStep } from './dry-run-step.js';
import { mostLayers, utmostLayers } from './flatten-layers.js';
import { hasLocal, newLayerId, planMove } from './freeze-zone.js';
import type { HostContext } from './host-context.js';
import { planOpen, volumeOf } from './zone-storage.js';

export interface FreezePreview {
  readonly steps: readonly DryStep[];
  /** All that the zone has written by then, topmost first; names of new ones are drawn anew when it is done. */
  readonly layers: readonly string[];
  readonly isCopy: boolean;
  /** As in FrozenZone. */
  readonly isVolume: boolean;
  /** What comes last, when the rest has been answered. */
  readonly behind: readonly DryStep[];
}

/** @param isTaken as in FreezeZoneOptions */
export async function previewFreeze(
  host: HostContext,
  record: ZoneRecord,
  { isTaken = false }: { readonly isTaken?: boolean } = {},
): Promise<FreezePreview> {
  const { roots } = host;
  const { name } = record.spec;
  const place = await volumeOf(roots, record);
  const { pool, volume, layers } = place;
  const driver = layerDriverOf(pool);
  const layer = newLayerId();
  const isRunning = (await readRunning(roots, name)) !== undefined;
  const due = isRunning ? [] : [...(await settleSteps(host, name)), ...dueSteps(record, planOpen(place).prepare)];
  const isMoved = !isRunning && driver.freezes === 'copy';
  const isUntouched = isMoved && record.identityDue !== true && (await driver.isUntouched(pool, volume, layers));
  const behindOf = (count: number) => (isRunning ? [] : mergeSteps(name, driver, count));
  if (isUntouched) return { steps: due, layers, isCopy: false, isVolume: false, behind: behindOf(layers.length) };
  if (isMoved) {
    const chain = [layer, ...layers];
    const moved = hostSteps('prepare', planMove(roots, record, { place, layer, layers: chain }));
    const merge = behindOf(chain.length);
    const isAtOnce = chain.length > utmostLayers && merge.length > 0;
    const [now, behind] = isAtOnce ? [merge, []] : [[], merge];
    const made = isAtOnce ? [newLayerId()] : chain;
    return { steps: [...due, ...moved, ...now], layers: made, isCopy: false, isVolume: false, behind };
  }
  const isVolume = isTaken && driver.freezes === 'instant';
  const make: StorageOp = { op: 'storage.layer', roots, pool, layer, isVolume };
  const stands = isRunning ? `, which stands still for the end of it` : '';
  const copied = plainStep('storage.freeze', `copy what zone ${name} has written${stands}`);
  const steps = [...due, ...hostSteps('prepare', [make]), copied];
  return { steps, layers: [layer, ...layers], isCopy: true, isVolume, behind: behindOf(layers.length) };
}

/** Of a stopped zone that is made of so many layers. */
export function mergeSteps(zone: string, { merge }: Pick<StorageDriver, 'merge'>, layers: number): DryStep[] {
  if (layers <= mostLayers || merge === undefined) return [];
  return [plainStep('storage.merge', `make one layer of the ${layers} of zone ${zone}`)];
}

/** Of a clone that nobody has mounted yet. */
export function dueSteps({ spec, identityDue }: ZoneRecord, open: readonly StorageOp[]): DryStep[] {
  if (identityDue !== true) return [];
  return [...hostSteps('prepare', open), identityStep(spec.name)];
}

export const identityStep = (name: string): DryStep =>
  plainStep('clone.identity', `give zone ${name} a machine id and ssh host keys of its own`);

/** Of a sparse zone: /usr/local lies beside its volume. */
export function localSteps(record: ZoneRecord): DryStep[] {
  if (!hasLocal(record)) return [];
  return [plainStep('storage.local', `copy /usr/local of zone ${record.spec.name}`)];
}
