/**
 * devices (v1): nothing but the nodes that the OCI runtime specification lists as default, and making nodes, which a zone with
 * a user namespace cannot do anyway. v2 would need a BPF program; there a zone is held by its user namespace and by /dev being
 * made of single bound nodes.
 */

/** null, zero, full, random, urandom, tty, console, ptmx, pts. Rules as devices.allow takes them. */
export const defaultDevices: readonly string[] = [
  'c *:* m',
  'b *:* m',
  ...['1:3', '1:5', '1:7', '1:8', '1:9', '5:0', '5:1', '5:2', '136:*'].map((node) => `c ${node} rwm`),
];
