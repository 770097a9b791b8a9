/** `--init full`: whether the zone's own /sbin/init is one that can run here. */

import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { lstat, readlink } from '../host/quick-fs.js';
import { hasHostIds } from '../spec/index.js';
import type { ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { planZoneLayers } from './zone-files.js';

/**
 * A look from outside at the layers, topmost first; a zone that lies here only keeps itself from starting.
 *
 * @param seen trees that are above them, or will be
 * @throws HOST_FEATURE_MISSING there is no init, or it is systemd, and there are no groups that it could be given
 */
export async function requireFullInit(
  host: HostContext,
  record: ZoneRecord,
  seen: readonly string[] = [],
): Promise<'systemd' | 'other'> {
  const kind = await findInit([...seen, ...(await planZoneLayers(host, record))]);
  const { name } = record.spec;
  if (kind === 'none') {
    throw zoneError('HOST_FEATURE_MISSING', `zone "${name}" has no /sbin/init`, {
      hint: `Install one inside, or run "tszone set ${name} --init tiny".`,
      context: { zone: name, init: kind },
    });
  }
  if (kind === 'systemd') requireGroups(host, record);
  return kind;
}

/** systemd makes a group for each service. Without a user namespace its root could write what limits the zone, too. */
function requireGroups({ facts }: HostContext, { spec }: ZoneRecord): void {
  const { name } = spec;
  const [missing, hint] = whyNot(spec, facts.cgroup.unified !== undefined);
  if (missing === undefined) return;
  throw zoneError(
    'HOST_FEATURE_MISSING',
    `zone "${name}" would boot systemd, which needs cgroups of its own: ${missing}`,
    {
      hint: `${hint}, or "tszone set ${name} --init tiny" and start its services by hand.`,
      context: { zone: name, init: 'systemd' },
    },
  );
}

function whyNot(spec: ZoneRecord['spec'], hasUnified: boolean): readonly [missing?: string, hint?: string] {
  const { name } = spec;
  if (!hasUnified)
    return [
      'this host has no cgroup2 mount',
      'Run "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"',
    ];
  if (spec.privileged) return [];
  if (hasHostIds(spec)) return ['one with ids of the host gets none', `Run "tszone set ${name} --userns auto"`];
  if (spec.net.kind === 'host')
    return ['one on the network of the host gets none', `Run "tszone set ${name} --net bridge"`];
  return [];
}

async function findInit(directories: readonly string[]): Promise<'systemd' | 'other' | 'none'> {
  for (const directory of directories) {
    for (const path of ['sbin/init', 'usr/sbin/init']) {
      const file = join(directory, path);
      const found = await lstat(file).catch(() => undefined);
      if (found === undefined) continue;
      const target = found.isSymbolicLink() ? await readlink(file) : '';
      return /(^|\/)systemd$/.test(target) ? 'systemd' : 'other';
    }
  }
  return 'none';
}
