/** What a start does and what an end takes back, as the steps of a dry run. Nothing is changed. */
import { argumentsOf } from '../helper/index.js';
import type { ZonePlan } from '../plan/index.js';
import { readPrepared, readRunning, type ZoneRecord } from '../state/index.js';
import { type DryStep, hostSteps } from './dry-run-step.js';
import type { HostContext } from './host-context.js';
import type { StartOptions } from './launch-plan.js';
import { planZoneStart } from './start-zone.js';
import { stopSignalOf } from './stop-zone.js';
import { previewInterfaces } from './zone-network.js';
import { readLaunch } from './zone-ref.js';

/** Of a start of the zone that the record says. */
export async function startSteps(
  host: HostContext,
  record: ZoneRecord,
  options: StartOptions = {},
): Promise<DryStep[]> {
  const plan: ZonePlan = await planZoneStart(host, record, { ...options, interfaceSource: previewInterfaces() });
  const enter = plan.enter.map(
    (op) => ({ phase: 'enter', op, text: [op.op, ...argumentsOf(op).map(shown)].join(' ') }) as const,
  );
  // The pid is not known before there is a process; 0 stands for it.
  return [...hostSteps('prepare', plan.prepare), ...enter, ...hostSteps('attach', plan.attach)];
}

/** Long arguments (netlink messages, files) are cut; the data has them in full. */
function shown(argument: string): string {
  const short = argument.length > 60 ? `${argument.slice(0, 57)}…` : argument;
  return /^[\w./:=,@+-]+$/.test(short) ? short : JSON.stringify(short);
}

/** One that is prepared is taken apart by whatever wants a stopped one. */
export async function settleSteps(host: HostContext, zone: string): Promise<DryStep[]> {
  return (await readPrepared(host.roots, zone)) === undefined ? [] : endSteps(host, zone);
}

/** Its processes, and what its last start prepared. @param asked the record of one that is asked first: else it is killed at once */
export async function endSteps({ roots }: HostContext, zone: string, asked?: ZoneRecord): Promise<DryStep[]> {
  const running = await readRunning(roots, zone);
  const pid = (running ?? (await readPrepared(roots, zone)))?.pid;
  const prepared = (await readLaunch(roots, zone))?.prepared ?? [];
  const undone = hostSteps('undo', [...prepared].reverse());
  if (pid === undefined) return undone;
  const signal = running === undefined || asked === undefined ? 9 : stopSignalOf(asked);
  const text = `send signal ${signal} to process ${pid}`;
  return [{ phase: 'undo', op: { op: 'process.signal' }, text }, ...undone];
}
