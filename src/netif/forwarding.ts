/**
 * Forwarding between our bridges and the interfaces through which the host reaches the world, switched on one by one.
 *
 * IPv4 asks the interface that a packet comes in by (net.ipv4.conf.X.forwarding). IPv6 asks the same only since 6.17
 * (force_forwarding); before, there is one switch for all (net.ipv6.conf.all.forwarding), which makes the host deaf to
 * router advertisements unless accept_ra is 2. docs/internals/networking.md has the details.
 */
import { type ChangedSysctl, dropForwarding, noteForwarding, readForwardingFile } from '../state/index.js';
import { netlink } from './client.js';
import { hasBridge, hostRoutes, ipv6Interfaces, readSysctl, uplinks, writeSysctl } from './host-view.js';
import { isOwnLink } from './names.js';
import type { ForwardOp } from './ops.js';
import { addOpened } from './ruleset.js';
import type { NetlinkMessage } from './wire/bytes.js';

/** What is to be changed, in the order of the writes. */
export interface ForwardingPlan {
  readonly changes: readonly ChangedSysctl[];
  /** Sentences for people. */
  readonly notes: readonly string[];
}

const allForwarding6 = 'net/ipv6/conf/all/forwarding';
const nothing: ForwardingPlan = { changes: [], notes: [] };

/** What applying net.forward would change on this host now. */
export function readForwarding(ipv6: boolean): ForwardingPlan {
  const parts = [plan4(), ...(ipv6 ? [plan6()] : [])];
  return {
    changes: parts.flatMap((part) => part.changes),
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
  return { ...nothing, changes };
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
    return { ...nothing, changes };
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

/** A host with many zones has many IPv6 routes, and reading them takes milliseconds: a process looks at them now and then. */
const looksEveryMs = 10_000;
let looked = { at: '', timeMs: Number.NEGATIVE_INFINITY };

async function isForwarding({ roots: { instance }, table, ipv6 }: ForwardOp): Promise<boolean> {
  const known = await readForwardingFile();
  if (known.sysctls.length > 0 && !known.instances.includes(instance)) return false;
  if (plan4().changes.length > 0) return false;
  // Another note: somebody has switched something on or off since.
  const at = JSON.stringify([table, known]);
  if (!ipv6 || (looked.at === at && performance.now() - looked.timeMs < looksEveryMs)) return true;
  if (plan6().changes.length > 0) return false;
  looked = { at, timeMs: performance.now() };
  return true;
}

/**
 * Notes what was, tells the table which interfaces are open only for us, then switches. A root for which another one
 * has switched everything on is noted, too, so that the other does not switch it off.
 */
export async function applyForwarding(op: ForwardOp): Promise<void> {
  if (await isForwarding(op)) return;
  const { instance } = op.roots;
  let plan: ForwardingPlan = nothing;
  const { sysctls } = await noteForwarding(
    instance,
    () => {
      plan = readForwarding(op.ipv6);
      return plan.changes;
    },
    hasBridge,
  );
  await markOpened(op.table, sysctls);
  for (const change of plan.changes) writeSysctl(change.key, change.set);
}

/** Puts back what was changed, unless another root counts on it. */
export async function releaseForwarding(instance: string): Promise<void> {
  await dropForwarding(instance, restoreForwarding, hasBridge);
}

async function markOpened(table: string, sysctls: readonly ChangedSysctl[]): Promise<void> {
  const messages = openedElements(table, sysctls);
  if (messages.length === 0) return;
  const client = await netlink('netfilter');
  await client.batch(`note opened interfaces in nft table ${table}`, messages);
}

/** The interfaces that the noted changes have opened, as elements of our table. */
export function openedElements(table: string, sysctls: readonly ChangedSysctl[]): NetlinkMessage[] {
  return ([4, 6] as const).flatMap((family) => addOpened(table, family, openedBy(sysctls, family)));
}

function openedBy(sysctls: readonly ChangedSysctl[], family: 4 | 6): string[] {
  if (family === 6 && sysctls.some((change) => change.key === allForwarding6)) return uplinks(6);
  const keys = family === 4 ? /^net\/ipv4\/conf\/[^/]+\/forwarding$/ : /^net\/ipv6\/conf\/[^/]+\/force_forwarding$/;
  return sysctls.filter((change) => keys.test(change.key)).map(interfaceOf);
}

/** Where nobody has changed it since. Interfaces that have gone are skipped. */
function restoreForwarding(sysctls: readonly ChangedSysctl[]): void {
  const unchanged = sysctls.filter((change) => readSysctl(change.key) === change.set);
  for (const change of unchanged) writeSysctl(change.key, change.before);
}
