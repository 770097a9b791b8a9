/** The only reader of the environment outside cli/. */
import type { HostEnvironment } from './facts.js';

const proxyNames = [
  'http_proxy',
  'https_proxy',
  'ftp_proxy',
  'all_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
];

/** An empty variable counts as unset. */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): HostEnvironment {
  const value = (name: string) => (variables[name] === '' ? undefined : variables[name]);
  const root = value('TSZONE_ROOT');
  const runRoot = value('TSZONE_RUN_ROOT');
  const proxies = proxyNames.flatMap((name): [string, string][] => {
    const proxy = value(name);
    return proxy === undefined ? [] : [[name, proxy]];
  });
  return {
    ...(root === undefined ? {} : { root }),
    ...(runRoot === undefined ? {} : { runRoot }),
    proxies: Object.fromEntries(proxies),
  };
}
