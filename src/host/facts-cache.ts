/** The facts of a host for a process that lives long: probed anew when what they are made of has changed. */
import { readFileSync } from 'node:fs';
import type { HostFacts } from './facts.js';
import { probeHost } from './probe.js';

let known: { readonly key: string; readonly facts: HostFacts } | undefined;

/** Mounts, CPUs, the groups of this process (systemd moves it), and what v2 hands down: all else stays as long as the kernel runs. */
const witnesses = [
  '/proc/self/mountinfo',
  '/proc/self/cgroup',
  '/sys/devices/system/cpu/online',
  '/sys/fs/cgroup/cgroup.controllers',
];

export async function hostFacts(): Promise<HostFacts> {
  const key = witnesses.map(readText).join('\0');
  if (known?.key === key) return known.facts;
  const facts = await probeHost();
  known = { key, facts };
  return facts;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
