/** What is true of all zones now: for a process that lives long one question to a process beside it, else one zone after the other. */
import { freezerPlace } from '../cgroups/index.js';
import { type Looked, look } from '../helper/index.js';
import {
  keepsParsedFiles,
  lastParsed,
  type RunningRecord,
  readableZone,
  recalled,
  recalledZone,
  runningPath,
  type UnreadableZone,
  type ZoneRecord,
  zoneNames,
} from '../state/index.js';
import type { HostContext } from './host-context.js';
import { runningOrSettled } from './recover.js';
import { lifeFrom, type ZoneLife } from './zone-view.js';

export interface ZoneLook extends ZoneLife {
  readonly record: ZoneRecord;
}

export interface ZoneLooks {
  /** Sorted by name. */
  readonly readable: readonly ZoneLook[];
  readonly unreadable: readonly UnreadableZone[];
}

export async function lookAtZones(host: HostContext): Promise<ZoneLooks> {
  const names = await zoneNames(host.roots);
  const asked = keepsParsedFiles() ? await ask(host, names) : undefined;
  const readable: ZoneLook[] = [];
  const unreadable: UnreadableZone[] = [];
  for (const [at, name] of names.entries()) {
    const one = asked?.[at];
    const record = (one && recalledZone(host.roots, name, one.file(0))) ?? (await readableZone(host.roots, name));
    if (record === undefined) continue;
    if ('error' in record) unreadable.push(record);
    else readable.push({ record, ...(plainLife(host, name, one) ?? (await lifeOf(host, record))) });
  }
  return { readable, unreadable };
}

async function lifeOf(host: HostContext, record: ZoneRecord): Promise<ZoneLife> {
  return lifeFrom(host, record, await runningOrSettled(host.roots, record.spec.name));
}

interface Asked extends Looked {
  /** Whose process was asked about. */
  readonly about: RunningRecord | undefined;
}

/** `undefined`: nobody can be asked. */
async function ask(host: HostContext, names: readonly string[]): Promise<Asked[] | undefined> {
  const { roots, facts } = host;
  const freezer = freezerPlace(facts.cgroup, roots.instance);
  const about = names.map((name) => lastParsed<RunningRecord>(runningPath(roots, name)));
  const inRun = (file: string) => ({ directory: `${roots.runRoot}/zones`, file });
  const looked = await look({
    files: [
      { directory: `${roots.root}/zones`, file: 'zone.json' },
      inRun('running.json'),
      inRun('prepared.json'),
      inRun('launch.json'),
    ],
    freezer,
    zones: names.map((name, at) => ({ name, group: freezer?.groupOf(name) ?? '', process: about[at] })),
  });
  return looked?.map((one, at) => ({ ...one, about: about[at] }));
}

/** Of a zone that runs, or of which nothing is left from a start; any other case (`undefined`) takes a closer look. */
function plainLife({ roots }: HostContext, zone: string, asked: Asked | undefined): ZoneLife | undefined {
  if (asked === undefined) return undefined;
  const { isAlive, isFrozen, about } = asked;
  // As long as it lives there is no other start.
  if (about !== undefined && isAlive) return { running: about, status: isFrozen ? 'paused' : 'running' };
  const runs = asked.file(1);
  const isOver = runs === 'none' || (about !== undefined && about === recalled(runningPath(roots, zone), runs));
  const isLeft = asked.file(2) !== 'none' || asked.file(3) !== 'none';
  return isOver && !isLeft ? { running: undefined, status: 'stopped' } : undefined;
}
