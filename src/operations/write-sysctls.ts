/** Kernel parameters of a zone that runs. */
import { helperPath, spawnSession } from '../helper/index.js';
import { planSysctls } from '../namespaces/index.js';
import type { ZoneSpec } from '../spec/index.js';
import type { HostContext } from './host-context.js';
import { readLaunch, requireRunning } from './zone-ref.js';

/**
 * What has to be written to get from one spec to the other; `undefined` if that is not possible, since what a parameter was
 * before it was set is not known.
 */
export function changedSysctls(before: ZoneSpec, after: ZoneSpec): Record<string, string> | undefined {
  if (Object.keys(before.sysctl).some((key) => after.sysctl[key] === undefined)) return undefined;
  return Object.fromEntries(Object.entries(after.sysctl).filter(([key, value]) => before.sysctl[key] !== value));
}

/** All of them, or none if the kernel refuses one, which the error names. @throws ZONE_NOT_RUNNING, KERNEL_STEP_FAILED */
export async function writeSysctls(
  host: HostContext,
  name: string,
  sysctls: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(sysctls).length === 0) return;
  const { pid, startTime } = await requireRunning(host, name);
  const launch = await readLaunch(host.roots, name);
  if (launch === undefined) throw new Error(`zone "${name}" runs without launch.json`);
  const { namespaces } = launch.entry;
  const plan = planSysctls({ pid, startTime, namespaces, helperPath: helperPath(), sysctls });
  await using session = spawnSession('enter', plan, { stdio: ['ignore', 'ignore', 'ignore'] });
  await session.expect('exited');
}
