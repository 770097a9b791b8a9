/**
 * Forwarding between our bridges and the interfaces through which the host reaches the world, switched on one by one.
 *
 * IPv4 asks the interface that a packet comes in by (net.ipv4.conf.X.forwarding). IPv6 asks the same only since 6.17
 * (force_forwarding); before, there is one switch for all (net.ipv6.conf.all.forwarding), which makes the host deaf to
 * router advertisements unless accept_ra is 2. docs/internals/networking.md has the details.
 */
import { type ChangedSysctl, updateNetworks } from '../state/index.js';
import { netlink } from './client.js';
import { hostRoutes, ipv6Interfaces, readSysctl, uplinks, writeSysctl } from './host-view.js';
import { isOwnLink } from './names.js';
import type { ForwardOp } from './ops.js';
import { addOpened } from './ruleset.js';

/** What is to be changed, in the order of the writes. */
export interface ForwardingPlan {
  readonly changes: readonly ChangedSysctl[];
  /** Interfaces that forward only because of us, by family. */
  readonly opened4: readonly string[];
  readonly opened6: readonly string[];
  /** Sentences for people. */
  readonly notes: readonly string[];
}

const allForwarding6 = 'net/ipv6/conf/all/forwarding';
const nothing: ForwardingPlan = { changes: [], opened4: [], opened6: [], notes: [] };

/** What applying net.forward would change on this host now. */
export function readForwarding(ipv6: boolean): ForwardingPlan {
  const parts = [plan4(), ...(ipv6 ? [plan6()] : [])];
  return {
    changes: parts.flatMap((part) => part.changes),
    opened4: parts.flatMap((part) => part.opened4),
    opened6: parts.flatMap((part) => part.opened6),
    notes: parts.flatMap((part) => part.notes),
  };
}

/** The values of one key for each name that does not have the wanted one yet. */
function differing(keys: readonly string[], wanted: string): ChangedSysctl[] {
  return keys.flatMap((key) => {
    const before = readSysctl(key);
    return before === undefined || before === wanted ? [] : [{ key, before, set: wanted }];
  });
}

function plan4(): ForwardingPlan {
  const names = uplinks(4);
  const changes = differing(
    names.map((name) => `net/ipv4/conf/${name}/forwarding`),
    '1',
  );
  return { ...nothing, changes, opened4: changes.map(interfaceOf) };
}

const interfaceOf = (change: ChangedSysctl) => change.key.split('/')[3] ?? '';

function plan6(): ForwardingPlan {
  if (readSysctl(allForwarding6) !== '0') return nothing;
  const names = uplinks(6);
  if (readSysctl('net/ipv6/conf/all/force_forwarding') !== undefined) {
    const changes = differing(
      names.map((name) => `net/ipv6/conf/${name}/force_forwarding`),
      '1',
    );
    return { ...nothing, changes, opened6: changes.map(interfaceOf) };
  }
  return planAll6(names);
}

/** Before 6.17. The kernel copies the switch to every interface, and drops advertised routes where accept_ra is not 2. */
function planAll6(names: readonly string[]): ForwardingPlan {
  const advertised = new Set(
    hostRoutes()
      .filter((route) => route.advertised)
      .map((route) => route.interfaceName),
  );
  const acceptRa = differing(
    names.filter((name) => advertised.has(name)).map((name) => `net/ipv6/conf/${name}/accept_ra`),
    '2',
  );
  const all = { key: allForwarding6, before: '0', set: '1' };
  return {
    ...nothing,
    changes: [...acceptRa, all, ...forwardingAlready6()],
    opened6: names,
    notes: acceptRa.map(
      (change) =>
        `IPv6 forwarding is switched on; "${interfaceOf(change)}" depends on router advertisements, so its accept_ra is now 2`,
    ),
  };
}

/** Those that had it on for themselves: switching `all` off again would take it from them. */
function forwardingAlready6(): ChangedSysctl[] {
  return ipv6Interfaces()
    .filter((name) => name !== 'all' && !isOwnLink(name))
    .map((name) => `net/ipv6/conf/${name}/forwarding`)
    .filter((key) => readSysctl(key) === '1')
    .map((key) => ({ key, before: '1', set: '1' }));
}

/** Records what was, tells the table which interfaces are open only for us, then switches. */
export async function applyForwarding(op: ForwardOp): Promise<void> {
  if (readForwarding(op.ipv6).changes.length === 0) return;
  const plan = await updateNetworks(op.roots, (file) => {
    const current = readForwarding(op.ipv6);
    // A value that was recorded before is the older one: it stays.
    const fresh = current.changes.filter((change) => !file.sysctls.some((known) => known.key === change.key));
    return [fresh.length === 0 ? file : { ...file, sysctls: [...file.sysctls, ...fresh] }, current];
  });
  await markOpened(op.table, plan);
  for (const change of plan.changes) writeSysctl(change.key, change.set);
}

async function markOpened(table: string, plan: ForwardingPlan): Promise<void> {
  const messages = [...addOpened(table, 4, plan.opened4), ...addOpened(table, 6, plan.opened6)];
  if (messages.length === 0) return;
  const client = await netlink('netfilter');
  await client.batch(`note opened interfaces in nft table ${table}`, messages);
}

/** Which interfaces the recorded changes have opened: for a table that had to be made anew. */
export function openedBy(sysctls: readonly ChangedSysctl[], family: 4 | 6): string[] {
  if (family === 6 && sysctls.some((change) => change.key === allForwarding6)) return uplinks(6);
  const keys = family === 4 ? /^net\/ipv4\/conf\/[^/]+\/forwarding$/ : /^net\/ipv6\/conf\/[^/]+\/force_forwarding$/;
  return sysctls.filter((change) => keys.test(change.key)).map(interfaceOf);
}

/** Puts back what was recorded, where nobody has changed it since. Interfaces that have gone are skipped. */
export function restoreForwarding(sysctls: readonly ChangedSysctl[]): void {
  const unchanged = sysctls.filter((change) => readSysctl(change.key) === change.set);
  for (const change of unchanged) writeSysctl(change.key, change.before);
}
