/** Applies and undoes the network's ops. */
import type { HostOpHandler } from '../spec/index.js';
import { applyBridge, applyVeth, undoVeth } from './bridge.js';
import { applyFirewall } from './firewall.js';
import { applyForwarding } from './forwarding.js';
import type { FirewallOp, NetOp } from './ops.js';
import { applyPort, undoPort } from './ports.js';

export const netHandlers: HostOpHandler<NetOp> = {
  apply(op) {
    switch (op.op) {
      case 'net.bridge':
        return applyBridge(op);
      case 'net.nft':
        return applyFirewall(op);
      case 'net.forward':
        return applyForwarding(op);
      case 'net.veth':
        return applyVeth(op);
      case 'net.port':
        return applyPort(op);
    }
  },

  async undo(op) {
    // The others belong to the network, which stays: see ops.ts.
    if (op.op === 'net.veth') await undoVeth(op);
    if (op.op === 'net.port') await undoPort(op);
  },

  describe(op) {
    switch (op.op) {
      case 'net.bridge':
        return `bridge ${op.name} with ${op.addresses.join(', ')}`;
      case 'net.nft':
        return `nft tables ${op.table}: masquerade ${op.ranges.join(', ')}${describeSources(op)}`;
      case 'net.forward':
        return `forward IPv4${op.ipv6 ? ' and IPv6' : ''} between zones and the interfaces that have routes`;
      case 'net.veth':
        return `veth ${op.hostName} on ${op.bridge}, its peer ${op.peerName} (${op.peerMac}) in the zone`;
      case 'net.port':
        return `publish ${op.hostAddress}:${op.hostPort}/${op.protocol} as ${op.zoneAddress}:${op.zonePort}`;
    }
  },
};

function describeSources({ sources }: FirewallOp): string {
  return sources
    .map(({ mac, ipv4, ipv6 }) => `; ${mac} sends from ${ipv4}${ipv6 === undefined ? '' : `, ${ipv6}`}`)
    .join('');
}
