/** What this host can and cannot do, what to install or enable, and the limits that many zones meet. */
import {
  type Check,
  checkHost,
  fixSysctls,
  type HostFacts,
  requireRoot,
  type SysctlFix,
  type SysctlFixOptions,
} from '../host/index.js';
import { type IdLease, type PruneIdsOptions, pruneIds } from '../state/index.js';
import { checkForwardDrops } from './network-check.js';

export interface DoctorOptions {
  /** Raise what can be raised (writes a sysctl.d file and applies it), and free user ids of zones that are gone. */
  readonly fix?: boolean | undefined;
  readonly sysctl?: SysctlFixOptions;
  readonly ids?: PruneIdsOptions;
  /** With `fix`: gives zones that run back what a firewall's reload has taken. @returns their names */
  readonly restoreNetworks?: () => Promise<readonly string[]>;
}

export interface DoctorReport {
  readonly checks: readonly Check[];
  /** How many of each. */
  readonly summary: Readonly<Record<Check['status'], number>>;
  /** What was changed; absent without `fix`. */
  readonly fixed?: SysctlFix & {
    readonly freedIds: readonly IdLease[];
    /** Zones whose published ports were put back. */
    readonly restoredPorts: readonly string[];
  };
}

/**
 * Works without root, too, and then says so. Of the context only the facts and the data directory's path are used.
 *
 * @throws NOT_ROOT with `fix`
 */
export async function doctor(
  host: { readonly facts: HostFacts; readonly roots: { readonly root: string } },
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  if (options.fix === true) requireRoot(host.facts, 'tszone doctor --fix');
  const fixed = options.fix === true ? await fix(options) : undefined;
  const checks = [
    ...(await checkHost({ facts: host.facts, root: host.roots.root })),
    ...(await checkForwardDrops(host.facts)),
  ];
  const count = (status: Check['status']) => checks.filter((check) => check.status === status).length;
  return {
    checks,
    summary: { ok: count('ok'), warn: count('warn'), fail: count('fail') },
    ...(fixed === undefined ? {} : { fixed }),
  };
}

async function fix({ sysctl, ids, restoreNetworks }: DoctorOptions): Promise<NonNullable<DoctorReport['fixed']>> {
  const raised = await fixSysctls(sysctl);
  const freedIds = await pruneIds(ids);
  return { ...raised, freedIds, restoredPorts: (await restoreNetworks?.()) ?? [] };
}
