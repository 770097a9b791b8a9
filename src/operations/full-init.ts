/** `--init full`: whether the zone's own /sbin/init is one that can run here. */

import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { lstat, readlink } from '../host/quick-fs.js';
import type { ZoneRecord } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { planZoneLayers } from './zone-files.js';

/**
 * A look from outside at the layers, topmost first; a zone that lies here only keeps itself from starting.
 *
 * @throws HOST_FEATURE_MISSING there is no init, or it is systemd, which wants a cgroup hierarchy that it may write
 */
export async function requireFullInit(host: HostContext, record: ZoneRecord): Promise<void> {
  const kind = await findInit(await planZoneLayers(host, record));
  const { name } = record.spec;
  if (kind === 'other') return;
  if (kind === 'none') {
    throw zoneError('HOST_FEATURE_MISSING', `zone "${name}" has no /sbin/init`, {
      hint: `Install one inside, or run "tszone set ${name} --init tiny".`,
      context: { zone: name, init: kind },
    });
  }
  throw zoneError(
    'HOST_FEATURE_MISSING',
    `zone "${name}" would boot systemd, which needs a writable cgroup hierarchy`,
    {
      hint: `Run "tszone set ${name} --init tiny" and start its services by hand; zones have no cgroups of their own to hand out.`,
      context: { zone: name, init: kind },
    },
  );
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
