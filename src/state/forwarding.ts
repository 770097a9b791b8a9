/**
 * Which settings of this machine's network were changed so that zones can reach the outside, what they were before, and
 * for which roots. One file serves all roots, because the settings are global: the last one puts them back. It is
 * run-time data, as the settings are, and belongs to one net namespace (all roots in a container share that one's).
 */

import { join } from 'node:path';
import { readlink, rm } from '../host/quick-fs.js';
import { makeStateDirectory, readJson, type Versioned, writeJson } from './json-file.js';
import { acquireLock } from './lock.js';

/** A sysctl with its value before and the one that it was given. */
export interface ChangedSysctl {
  /** `net/ipv4/conf/eth0/forwarding` */
  readonly key: string;
  readonly before: string;
  readonly set: string;
}

export interface ForwardingFile extends Versioned {
  readonly version: 1;
  /** Instance ids of the roots that count on the changes. */
  readonly instances: readonly string[];
  /** In the order in which they are put back. */
  readonly sysctls: readonly ChangedSysctl[];
}

const directory = '/run/tszone-net';
const empty: ForwardingFile = { version: 1, instances: [], sysctls: [] };

async function filePath(): Promise<string> {
  // net:[4026531840]
  const namespace = (await readlink('/proc/self/ns/net')).replace(/\D/g, '');
  return join(directory, `${namespace}.json`);
}

/** A consistent view; no lock needed. */
export async function readForwardingFile(): Promise<ForwardingFile> {
  return (await readJson<ForwardingFile>(await filePath(), 1)) ?? empty;
}

/**
 * Notes that a root counts on forwarding, and what is about to be changed. What was noted before stays: it is the older
 * value. Roots without a bridge (`isUp`) have gone without a word; if none is left, so is what was noted for them.
 */
export async function noteForwarding(
  instance: string,
  changes: () => readonly ChangedSysctl[],
  isUp: (instance: string) => boolean,
): Promise<ForwardingFile> {
  return withFile((file) => {
    const others = file.instances.filter((one) => one !== instance && isUp(one));
    const mine = file.instances.includes(instance);
    const known = others.length > 0 || mine ? file.sysctls : [];
    const fresh = changes().filter((change) => !known.some((one) => one.key === change.key));
    return { version: 1, instances: [...others, instance], sysctls: [...known, ...fresh] };
  });
}

/** Takes a root out; `restore` puts the settings back if it was the last. Not being in it is success. */
export async function dropForwarding(
  instance: string,
  restore: (sysctls: readonly ChangedSysctl[]) => void,
  isUp: (instance: string) => boolean,
): Promise<void> {
  if (!(await readForwardingFile()).instances.includes(instance)) return;
  await withFile((file) => {
    const instances = file.instances.filter((one) => one !== instance && isUp(one));
    if (instances.length > 0) return { ...file, instances };
    restore(file.sysctls);
    return empty;
  });
}

async function withFile(change: (file: ForwardingFile) => ForwardingFile): Promise<ForwardingFile> {
  const path = await filePath();
  await makeStateDirectory(directory);
  await using _lock = await acquireLock(join(directory, 'lock'), { what: 'the forwarding of this host' });
  const before = await readForwardingFile();
  const after = change(before);
  if (after.instances.length === 0) await rm(path, { force: true });
  else if (JSON.stringify(after) !== JSON.stringify(before)) await writeJson(path, after);
  return after;
}
