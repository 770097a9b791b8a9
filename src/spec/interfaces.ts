/** `--net`: none, host, or one or more interfaces on networks, each `bridge=NAME[,ip=…][,name=eth0]…`. */
import { isIPv4, isIPv6 } from 'node:net';
import { namePattern } from './names.js';
import type { InterfaceSpec, NetSpec } from './parts.js';

const keys = ['ip', 'ip6', 'mac', 'name', 'mtu'] as const;
type Key = (typeof keys)[number];

const checks: Readonly<Record<Key, (value: string) => boolean>> = {
  ip: (value) => isIPv4(value.replace(/\/\d{1,2}$/, '')),
  ip6: (value) => isIPv6(value.replace(/\/\d{1,3}$/, '')),
  mac: (value) => /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/i.test(value),
  name: (value) => /^[a-z][a-z0-9._-]{0,14}$/.test(value) && value !== 'lo',
  mtu: (value) => /^\d+$/.test(value) && Number(value) >= 1280 && Number(value) <= 65_535,
};

/** @returns the network set-up, or `undefined` if a text is not of the form */
export function parseNet(texts: readonly string[]): NetSpec | undefined {
  const only = texts.length === 1 ? texts[0] : undefined;
  if (only === 'none' || only === 'host') return { kind: only };
  const interfaces = texts.map((text, index) => parseInterface(text, `eth${index}`));
  const names = new Set(interfaces.map((one) => one?.name));
  if (interfaces.length === 0 || interfaces.includes(undefined) || names.size < interfaces.length) return undefined;
  return { kind: 'bridge', interfaces: interfaces.filter((one) => one !== undefined) };
}

function parseInterface(text: string, defaultName: string): InterfaceSpec | undefined {
  const [head = '', ...rest] = text.split(',');
  const network = /^bridge=(.+)$/.exec(head)?.[1] ?? (head === 'bridge' ? 'default' : undefined);
  if (network === undefined || !namePattern.test(network)) return undefined;
  const values: Partial<Record<Key, string>> = {};
  for (const pair of rest) {
    const [key, value] = splitPair(pair);
    if (key === undefined || key in values || !checks[key](value)) return undefined;
    values[key] = value;
  }
  const { mtu, name = defaultName, mac, ...addresses } = values;
  return {
    network,
    name,
    ...addresses,
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
  };
}

function splitPair(pair: string): [Key | undefined, string] {
  const at = pair.indexOf('=');
  const key = keys.find((known) => known === pair.slice(0, at));
  return [key, pair.slice(at + 1)];
}
