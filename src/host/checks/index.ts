/** All checks of this host, in the order in which they are shown. */
import { existsSync, readFileSync } from 'node:fs';
import type { HostFacts } from '../facts.js';
import { parseMountinfo } from '../mountinfo.js';
import { findTool } from '../tool.js';
import { cgroupChecks } from './cgroups.js';
import type { Check, CheckContext } from './check.js';
import { kernelChecks } from './kernel.js';
import { limitChecks } from './limits.js';
import { networkChecks } from './network.js';
import { storageChecks } from './storage.js';
import { toolChecks } from './tools.js';

const groups = [kernelChecks, storageChecks, cgroupChecks, networkChecks, limitChecks, toolChecks];

/** Nothing is changed. `overrides` stands in for the machine in tests. */
export async function checkHost(
  target: { readonly facts: HostFacts; readonly root: string },
  overrides: Partial<CheckContext> = {},
): Promise<Check[]> {
  const context: CheckContext = {
    ...target,
    read: readText,
    exists: existsSync,
    mounts: parseMountinfo(readText('/proc/self/mountinfo') ?? ''),
    findTool,
    ...overrides,
  };
  const results: Check[] = [];
  for (const group of groups) results.push(...(await group(context)));
  return results;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Missing and forbidden are the same to a check.
    return undefined;
  }
}
