/** The only reader of the environment outside cli/. */
import { join } from 'node:path';
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

/** Where logins at registries are kept, as podman(1) and docker(1) have it, in the order in which they are asked. */
export function readLoginFiles(variables: Readonly<Record<string, string | undefined>> = process.env): string[] {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, DOCKER_CONFIG, HOME = '/root' } = variables;
  return [
    ...(REGISTRY_AUTH_FILE ? [REGISTRY_AUTH_FILE] : []),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, 'containers/auth.json')] : []),
    join(DOCKER_CONFIG || join(HOME, '.docker'), 'config.json'),
    '/run/containers/0/auth.json',
  ];
}

export interface BackupEnvironment {
  /** TSZONE_BACKUP_PASSWORD_FILE. */
  readonly passwordFile?: string;
  /** What restic's backends for other machines look at: keys, agents, the way there. */
  readonly backends: Readonly<Record<string, string>>;
}

const backendNames =
  /^(AWS|AZURE|B2|GOOGLE|OS|ST|RCLONE|RESTIC_REST)_|^(SSH_AUTH_SOCK|SSL_CERT_FILE|SSL_CERT_DIR)$|_proxy$/i;

/** For `backup`. */
export function readBackupEnvironment(
  variables: Readonly<Record<string, string | undefined>> = process.env,
): BackupEnvironment {
  const passwordFile = variables.TSZONE_BACKUP_PASSWORD_FILE;
  const backends = Object.entries(variables).flatMap(([name, value]): [string, string][] =>
    backendNames.test(name) && value !== undefined ? [[name, value]] : [],
  );
  return { ...(passwordFile ? { passwordFile } : {}), backends: Object.fromEntries(backends) };
}
