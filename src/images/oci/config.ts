/** From an OCI config to what zones of the image run by default, and back. */
import { signalNumber } from '../../spec/index.js';
import type { ImageConfig } from '../manifest.js';
import { invalid, type OciConfig } from './documents.js';

/** @throws IMAGE_MANIFEST_INVALID */
export function imageConfigOf({ config }: OciConfig): ImageConfig {
  if (config == null) return {};
  const { Env, Cmd, Entrypoint, User, WorkingDir, Volumes, ExposedPorts, StopSignal, Labels } = config;
  const stopSignal = StopSignal == null || StopSignal === '' ? undefined : signalNumber(StopSignal);
  if (stopSignal === undefined && StopSignal != null && StopSignal !== '') {
    throw invalid('config', `has a stop signal that does not exist: ${JSON.stringify(StopSignal)}`);
  }
  return withoutUndefined({
    env: Env == null ? undefined : environmentOf(Env),
    entrypoint: list(Entrypoint),
    cmd: list(Cmd),
    user: User == null || User === '' ? undefined : withoutNul(User, 'User'),
    workdir: WorkingDir == null || WorkingDir === '' ? undefined : absolute(WorkingDir, 'WorkingDir'),
    // The root is one anyway.
    volumes: list(
      Object.keys(Volumes ?? {})
        .map((path) => absolute(path, 'Volumes'))
        .filter((path) => !/^\/+$/.test(path)),
    ),
    ports: list(Object.keys(ExposedPorts ?? {}).map((port) => portOf(port))),
    stopSignal,
    labels: Labels == null || Object.keys(Labels).length === 0 ? undefined : { ...Labels },
  });
}

function list(given: readonly string[] | null | undefined): string[] | undefined {
  if (given == null || given.length === 0) return undefined;
  return given.map((word) => withoutNul(word, 'command'));
}

function environmentOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = withoutNul(line, 'Env').indexOf('=');
      if (at === 0) throw invalid('config', `sets a variable without a name: ${JSON.stringify(line)}`);
      return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function portOf(port: string): string {
  const usual = port.toLowerCase();
  if (/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(usual)) return usual;
  throw invalid('config', `exposes what is no port: ${JSON.stringify(port)}`);
}

function absolute(path: string, key: string): string {
  const whole = withoutNul(path, key);
  if (whole.split('/').includes('..')) throw invalid('config', `has ".." in ${key}: ${JSON.stringify(path)}`);
  return whole.startsWith('/') ? whole : `/${whole}`;
}

function withoutNul(text: string, key: string): string {
  if (text.includes('\0')) throw invalid('config', `has a NUL in ${key}`);
  return text;
}

function withoutUndefined<T extends object>(value: T): ImageConfig {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as ImageConfig;
}

/** The `config` of an OCI config. */
export function ociConfigOf(config: ImageConfig): object {
  const { env, entrypoint, cmd, user, workdir, volumes, ports, stopSignal, labels } = config;
  const keys = (names: readonly string[] | undefined) =>
    names === undefined ? undefined : Object.fromEntries(names.map((name) => [name, {}]));
  return {
    Env: env === undefined ? undefined : Object.entries(env).map(([name, value]) => `${name}=${value}`),
    Entrypoint: entrypoint,
    Cmd: cmd,
    User: user,
    WorkingDir: workdir,
    Volumes: keys(volumes),
    ExposedPorts: keys(ports),
    StopSignal: stopSignal === undefined ? undefined : String(stopSignal),
    Labels: labels,
  };
}
