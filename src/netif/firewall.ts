/** Our nf_tables table as it is in the kernel: made, added to, removed; and what other tables do to zones' packets. */
import { readFile } from '../host/quick-fs.js';
import { type Networks, readForwardingFile } from '../state/index.js';
import { type NetlinkClient, netlink, refusedWith } from './client.js';
import { openedElements } from './forwarding.js';
import { isOwnTable } from './names.js';
import type { FirewallOp } from './ops.js';
import { addNetwork, bridgeKey, createTable, removeNetwork } from './ruleset.js';
import { askForSources } from './source-rules.js';
import { applySources, removeSources, renewSources } from './sources.js';
import type { NetlinkMessage } from './wire/bytes.js';
import { type ChainInfo, decodeChain, deleteTable, dumpChains, forwardHook, getElement } from './wire/nft.js';

/** Idempotent; also puts the tables back if a firewall reload has flushed them. */
export async function applyFirewall(op: FirewallOp): Promise<void> {
  const client = await netlink('netfilter');
  if (await isThere(client, op, askForSources(op.table, op.sources))) return;
  await applyNetwork(client, op);
  await applySources(client, op);
}

async function applyNetwork(client: NetlinkClient, op: FirewallOp): Promise<void> {
  if (await isThere(client, op)) return;
  try {
    const opened = openedElements(op.table, (await readForwardingFile()).sysctls);
    await client.batch(`create nft table ${op.table}`, [...createTable(op.table), ...opened, ...addNetwork(op)]);
  } catch (error) {
    if (!refusedWith(error, 'EEXIST')) throw error;
    await client.batch(`add ${op.bridge} to nft table ${op.table}`, addNetwork(op));
  }
}

async function isThere(client: NetlinkClient, op: FirewallOp, more: readonly NetlinkMessage[] = []): Promise<boolean> {
  try {
    const bridge = getElement({ table: op.table, set: 'bridges' }, bridgeKey(op.bridge));
    await client.requestAll('look up the bridge', [bridge, ...more]);
    return true;
  } catch (error) {
    if (refusedWith(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Gone already is success. `file`: without the network. Call with its lock. */
export async function removeFromFirewall(op: FirewallOp, file: Networks): Promise<void> {
  const client = await netlink('netfilter');
  await renewSources(client, op.roots, file);
  await ignoreMissing(client.batch(`take ${op.bridge} out of nft table ${op.table}`, removeNetwork(op)));
}

/** Gone already is success. */
export async function removeTable(table: string): Promise<void> {
  const client = await netlink('netfilter');
  await ignoreMissing(client.batch(`delete nft table ${table}`, [deleteTable(table)]));
  await removeSources(client, table);
}

async function ignoreMissing(done: Promise<void>): Promise<void> {
  await done.catch((error: unknown) => {
    if (!refusedWith(error, 'ENOENT')) throw error;
  });
}

/**
 * Base chains of others that drop what they do not know on its way through the host, as Docker, ufw and firewalld set
 * up: an accept in our table does not overrule them. Empty if there are none, or the kernel does not say.
 */
export async function foreignForwardDrops(): Promise<string[]> {
  const chains = await allChains();
  const dropping = chains.filter((chain) => chain.hook === forwardHook && chain.policy === 'drop');
  // The old iptables modules do not show in nf_tables; their policy cannot be read without the iptables program.
  const legacy = (await readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '')).split('\n').includes('filter');
  return [
    ...dropping.map((chain) => `nft ${chain.table} ${chain.name}`),
    ...(legacy ? ['iptables-legacy filter'] : []),
  ];
}

/** Tables that other roots on this machine have. */
export async function tablesOfOthers(own: string): Promise<string[]> {
  const tables = new Set((await allChains()).map(({ table }) => table));
  return [...tables].filter((table) => isOwnTable(table) && table !== own);
}

async function allChains(): Promise<ChainInfo[]> {
  const client = await netlink('netfilter');
  return (await client.request('list nft chains', dumpChains())).map(decodeChain);
}
