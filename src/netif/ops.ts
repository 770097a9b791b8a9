/** The host-side ops of the network: plain data. What they do is in apply.ts. */
import type { Roots } from '../state/index.js';

/**
 * The network's bridge is there, with its addresses, up. No undo: the bridge belongs to the network, which outlives the
 * zone, and another zone may be using it by the time something is undone. `network delete` removes it.
 */
export interface BridgeOp {
  readonly op: 'net.bridge';
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Address and prefix of the gateway: `10.88.0.1/16`. */
  readonly addresses: readonly string[];
}

/**
 * The root's nf_tables tables are there and know the network, and whose addresses a zone's are. No undo, as for net.bridge: what is
 * said of a MAC means nothing without a port that it may come from.
 */
export interface FirewallOp {
  readonly op: 'net.nft';
  readonly roots: Roots;
  readonly table: string;
  readonly bridge: string;
  /** The network's ranges: `10.88.0.0/16`. */
  readonly ranges: readonly string[];
  /** Of the zone that starts, on this network. */
  readonly sources: readonly Source[];
}

/** What an interface of a zone may send from. */
export interface Source {
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6?: string | undefined;
}

/** The host forwards between the bridge and what it reaches itself. No undo, as for net.bridge; values are recorded. */
export interface ForwardOp {
  readonly op: 'net.forward';
  readonly roots: Roots;
  readonly table: string;
  readonly ipv6: boolean;
}

/** A veth pair: the host's end up and in the bridge, the peer down in the net namespace of a process. Undo: deleted. */
export interface VethOp {
  readonly op: 'net.veth';
  readonly pid: number;
  readonly hostName: string;
  /** Undo deletes a link of this name only if it has this address, too. */
  readonly hostMac: string;
  readonly peerName: string;
  readonly peerIndex: number;
  readonly peerMac: string;
  readonly bridge: string;
  readonly mtu: number;
}

/** Host port → zone port. Undo: removed, if it still points at this zone. */
export interface PortOp {
  readonly op: 'net.port';
  readonly roots: Roots;
  readonly table: string;
  readonly protocol: 'tcp' | 'udp';
  /** 0.0.0.0 and :: stand for every address of the host. */
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly zoneAddress: string;
  readonly zonePort: number;
}

export type NetOp = BridgeOp | FirewallOp | ForwardOp | VethOp | PortOp;
