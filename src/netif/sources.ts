/** Which addresses a MAC may send from, in the kernel: as the leases say. */
import { zoneError } from '../errors/index.js';
import { type Networks, type Roots, updateNetworks } from '../state/index.js';
import { type NetlinkClient, refusedWith } from './client.js';
import { tableName } from './names.js';
import type { FirewallOp } from './ops.js';
import { addSources, askForSources, deleteSourceTable, renewSourceTable } from './source-rules.js';

/**
 * Leases are on disk before this is called, so that whoever makes the table anew (under their lock) knows of them. A MAC that
 * is known with other addresses had another lease before: then everything is made anew, so that it loses them.
 *
 * @throws HOST_FEATURE_MISSING
 */
export async function applySources(client: NetlinkClient, { roots, table, sources }: FirewallOp): Promise<void> {
  if (sources.length === 0) return;
  try {
    await client.batch(`say in nft table ${table} what the zone may send from`, addSources(table, sources));
  } catch (error) {
    if (!refusedWith(error, 'EEXIST', 'ENOENT')) throw error;
    if (await knowsSources(client, table, sources)) return;
    await updateNetworks(roots, async (file) => [file, await renewSources(client, roots, file)]);
  }
}

async function knowsSources(client: NetlinkClient, table: string, sources: FirewallOp['sources']): Promise<boolean> {
  try {
    await client.requestAll('look up what the zone may send from', askForSources(table, sources));
    return true;
  } catch (error) {
    if (refusedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Call with the lock of the networks' file. */
export async function renewSources(
  client: NetlinkClient,
  { instance }: Roots,
  { leases }: Pick<Networks, 'leases'>,
): Promise<void> {
  const table = tableName(instance);
  try {
    await client.batch(`create nft table bridge ${table}`, renewSourceTable(table, instance, leases));
  } catch (error) {
    if (!refusedWith(error, 'EOPNOTSUPP', 'EAFNOSUPPORT', 'ENOENT')) throw error;
    throw zoneError(
      'HOST_FEATURE_MISSING',
      "this kernel cannot filter a bridge's frames, so zones could forge addresses",
      {
        hint: 'Use a kernel with CONFIG_NF_TABLES_BRIDGE (modprobe nf_tables), or start the zone with --net none.',
        context: { table },
        cause: error,
      },
    );
  }
}

/** Gone already is success. */
export async function removeSources(client: NetlinkClient, table: string): Promise<void> {
  await client.batch(`delete nft table bridge ${table}`, deleteSourceTable(table)).catch((error: unknown) => {
    if (!refusedWith(error, 'ENOENT')) throw error;
  });
}
