/**
 * devices (v1): nothing but the nodes that the OCI runtime specification lists as default, and making nodes, which a zone with
 * a user namespace cannot do anyway. v2 would need a BPF program; there a zone is held by its user namespace and by /dev being
 * made of single bound nodes.
 */
import type { FileValue } from './controller.js';

/** null, zero, full, random, urandom, tty, console, ptmx, pts. */
const defaultDevices = ['c 1:3', 'c 1:5', 'c 1:7', 'c 1:8', 'c 1:9', 'c 5:0', 'c 5:1', 'c 5:2', 'c 136:*'] as const;

/** `devices.deny a` empties the list first; each further write adds one rule. */
export function defaultDeviceWrites(): FileValue[] {
  return [
    { file: 'devices.deny', value: 'a' },
    { file: 'devices.allow', value: 'c *:* m' },
    { file: 'devices.allow', value: 'b *:* m' },
    ...defaultDevices.map((device) => ({ file: 'devices.allow', value: `${device} rwm` })),
  ];
}
