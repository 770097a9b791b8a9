/** `registries.json` in the root: mirrors of registries, and registries that are trusted without encryption. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { zoneError } from '../../errors/index.js';
import { isErrno, type Roots } from '../../state/index.js';

const url = v.pipe(
  v.string('is not a text'),
  v.check((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'is not an http or https URL'),
);
const schema = v.strictObject({
  version: v.literal(1, 'is not 1'),
  mirrors: v.optional(v.record(v.string(), v.array(url, 'is not a list'), 'is not an object'), {}),
  insecure: v.optional(v.array(v.string('is not a text'), 'is not a list'), []),
});

export interface RegistrySettings {
  /** By the registry's host, in the order in which they are asked. */
  readonly mirrors: Readonly<Record<string, readonly string[]>>;
  /** Hosts with their ports. */
  readonly insecure: readonly string[];
}

export function registrySettingsPath({ root }: Roots): string {
  return join(root, 'registries.json');
}

/** None is as good as an empty one. @throws USAGE_BAD_ARGUMENT it is there and cannot be understood */
export async function readRegistrySettings(roots: Roots): Promise<RegistrySettings> {
  const path = registrySettingsPath(roots);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  });
  if (text === undefined) return { mirrors: {}, insecure: [] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(path, 'is not JSON', cause);
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw unreadable(path, `is wrong at "${v.getDotPath(issue) ?? ''}": ${issue.message}`);
}

function unreadable(path: string, problem: string, cause?: unknown): Error {
  return zoneError('USAGE_BAD_ARGUMENT', `"${path}" ${problem}`, {
    hint: 'It looks like {"version": 1, "mirrors": {"docker.io": ["https://mirror.example"]}, "insecure": []}.',
    context: { path },
    cause,
  });
}

const certificateDirectories = ['/etc/containers/certs.d', '/etc/docker/certs.d'];

/** The authorities that Docker and Podman trust for that host: `certs.d/HOST/*.crt`. */
export async function readAuthorities(host: string): Promise<string[]> {
  const found = await Promise.all(
    certificateDirectories.map(async (directory) => {
      const names = await readdir(join(directory, host)).catch(() => []);
      const files = names.filter((name) => name.endsWith('.crt')).sort();
      return Promise.all(files.map((name) => readFile(join(directory, host, name), 'utf8')));
    }),
  );
  return found.flat();
}
