/** Bridges, veth, nftables, and other tools' firewalls that may be in the way. */
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';
import { presenceOf } from './modules.js';

const parts = [
  ['nf_tables', 'nf_tables_newrule', 'NAT and published ports'],
  ['nft_chain_nat', 'nft_nat_do_chain', 'NAT and published ports'],
  ['bridge', 'br_add_if', 'networks'],
  ['veth', 'veth_newlink', 'networks'],
] as const;

/** net/bridge/br_private.h: BR_MAX_PORTS is 1 << 10, port number 0 is not used. */
const bridgePorts = 1023;

export const networkChecks: CheckGroup = (context) => [
  ...parts.map(([module, symbol, use]) => part(context, module, symbol, use)),
  bridgeFilter(context),
  otherFirewall(context),
  bridgedFiltering(context),
  {
    id: 'network.bridge-ports',
    title: 'zones a network',
    status: 'ok',
    detail: `at most ${bridgePorts}: a bridge has no more ports`,
  },
];

function part(context: CheckContext, module: string, symbol: string, use: string): Check {
  const presence = presenceOf(context, module, symbol);
  return check(`network.${module}`, module, {
    ok: presence !== 'missing',
    detail:
      presence === 'module'
        ? 'as a module'
        : presence === 'loaded'
          ? 'there'
          : `missing: no ${use}; --net none and host work`,
    fix: `modprobe ${module}, or use a kernel that has it`,
  });
}

/** A part of nf_tables itself, left out of some kernels; nothing tells before nf_tables is loaded. */
function bridgeFilter(context: CheckContext): Check {
  const isLoaded = presenceOf(context, 'nf_tables', 'nf_tables_newrule') === 'loaded';
  const isMissing = isLoaded && presenceOf(context, 'nft_chain_bridge', 'nft_do_chain_bridge') === 'missing';
  return check('network.bridge-filter', 'filtering of what zones send', {
    ok: !isMissing,
    detail: isMissing ? 'missing: zones could forge addresses, so that none starts on a network' : 'nothing against it',
    fix: 'use a kernel with CONFIG_NF_TABLES_BRIDGE',
  });
}

/** A DROP in any table is final: our own accept does not help a zone's packets then. */
function otherFirewall({ read, exists }: CheckContext): Check {
  const legacy = /^filter$/m.test(read('/proc/net/ip_tables_names') ?? '');
  const docker = exists('/sys/class/net/docker0');
  const found = [
    ...(legacy ? ['iptables (legacy) has a filter table'] : []),
    ...(docker ? ['Docker sets the FORWARD policy to DROP'] : []),
  ];
  return check('network.forward', 'forwarding by other tools', {
    ok: found.length === 0,
    detail: found.length === 0 ? 'nothing known that drops' : found.join('; '),
    fix: 'see "iptables -S FORWARD"; if it drops: iptables -I FORWARD -i tz+ -j ACCEPT && iptables -I FORWARD -o tz+ -j ACCEPT',
  });
}

function bridgedFiltering({ read }: CheckContext): Check {
  const isOn = read('/proc/sys/net/bridge/bridge-nf-call-iptables')?.trim() === '1';
  return check('network.bridge-nf', 'filtering of bridged packets', {
    ok: !isOn,
    detail: isOn ? 'iptables sees what zones of one network send each other, and may drop it' : 'off',
    fix: 'sysctl -w net.bridge.bridge-nf-call-iptables=0',
  });
}
