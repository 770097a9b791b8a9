/** Which proxy a request goes through, by the usual variables of the environment. */
import { isIP } from 'node:net';

export type Proxies = Readonly<Record<string, string>>;

/** `undefined`: none. This machine itself is always reached directly. */
export function proxyFor(url: URL, proxies: Proxies): URL | undefined {
  if (isLoopback(url.hostname) || isExcepted(url, proxies.no_proxy ?? proxies.NO_PROXY ?? '')) return undefined;
  const scheme = url.protocol.slice(0, -1);
  // An upper-case HTTP_PROXY can be set by whoever sends a request to a CGI program; curl(1) does not take it either.
  const names =
    scheme === 'http'
      ? ['http_proxy', 'all_proxy', 'ALL_PROXY']
      : ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
  const text = names.map((name) => proxies[name]).find((value) => value !== undefined);
  if (text === undefined) return undefined;
  const address = text.includes('://') ? text : `http://${text}`;
  return URL.canParse(address) ? new URL(address) : undefined;
}

/** 127.0.0.0/8, ::1, localhost and what ends in it. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === '::1' || host === 'localhost' || host.endsWith('.localhost');
}

function isExcepted(url: URL, list: string): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      const [, host = entry, wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
      if (wantedPort !== undefined && wantedPort !== port) return false;
      const domain = host.replace(/^\*?\./, '');
      return url.hostname === domain || url.hostname.endsWith(`.${domain}`);
    });
}
