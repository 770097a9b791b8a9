/** Who we are at a registry: what `docker login`, `podman login` or a credential helper keeps. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { hasCode, zoneError } from '../../errors/index.js';
import { runTool } from '../../host/index.js';
import { isErrno } from '../../state/index.js';

export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  /** To be exchanged for an access token. */
  | { readonly kind: 'identity'; readonly token: string };

const loginSchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
});
const fileSchema = v.object({
  auths: v.optional(v.record(v.string(), loginSchema), {}),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
  credsStore: v.optional(v.string()),
});
const helperSchema = v.object({ Username: v.string(), Secret: v.string() });

/** The first file that knows the host. @throws USAGE_BAD_ARGUMENT, HOST_TOOL_MISSING, HOST_TOOL_FAILED */
export async function findCredentials(
  { host, repository }: { readonly host: string; readonly repository?: string | undefined },
  files: readonly string[],
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  for (const path of files) {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    });
    const found = text === undefined ? undefined : await lookUp({ host, repository }, parseFile(path, text), signal);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parseFile(path: string, text: string): v.InferOutput<typeof fileSchema> {
  try {
    return v.parse(fileSchema, JSON.parse(text));
  } catch (cause) {
    throw zoneError('USAGE_BAD_ARGUMENT', `"${path}" is not a file of logins as Docker writes it`, {
      hint: `Correct "${path}" or move it away, then run "docker login" or "skopeo login" again.`,
      context: { path },
      cause,
    });
  }
}

/** Docker Hub's logins lie under its old address. */
function keysOf(host: string): string[] {
  const bare = [host, `https://${host}`, `https://${host}/v2/`, `http://${host}`];
  return host === 'docker.io' ? ['https://index.docker.io/v1/', 'index.docker.io', ...bare] : bare;
}

/** containers-auth.json(5): a login may be for a part of a registry; the longest one counts. */
function partsOf(host: string, repository: string): string[] {
  const words = repository.split('/');
  return words.map((_, index) => [host, ...words.slice(0, words.length - index)].join('/'));
}

async function lookUp(
  { host, repository }: { readonly host: string; readonly repository: string | undefined },
  file: v.InferOutput<typeof fileSchema>,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const keys = keysOf(host);
  const [key = host] = keys;
  const part = partsOf(host, repository ?? '').find((name) => file.auths[name] !== undefined);
  if (part !== undefined && file.auths[part] !== undefined) return fromLogin(file.auths[part]);
  const helper = keys.map((name) => file.credHelpers[name]).find((name) => name !== undefined) ?? file.credsStore;
  const fromHelper = helper === undefined ? undefined : await askHelper(helper, key, signal);
  if (fromHelper !== undefined) return fromHelper;
  const login = keys.map((name) => file.auths[name]).find((one) => one !== undefined);
  return login === undefined ? undefined : fromLogin(login);
}

function fromLogin(login: v.InferOutput<typeof loginSchema>): Credentials | undefined {
  if (login.identitytoken !== undefined && login.identitytoken !== '')
    return { kind: 'identity', token: login.identitytoken };
  const [username, password] = login.auth === undefined ? [login.username, login.password] : decode(login.auth);
  return username === undefined || username === ''
    ? undefined
    : { kind: 'password', username, password: password ?? '' };
}

function decode(auth: string): [string, string] {
  const text = Buffer.from(auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? ['', ''] : [text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, '')];
}

const helperTimeoutMs = 30_000;

/** The protocol of docker-credential-helpers: the host on stdin, JSON on stdout. */
async function askHelper(name: string, host: string, signal?: AbortSignal): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(name)) {
    throw zoneError('USAGE_BAD_ARGUMENT', `"${name}" cannot be the name of a credential helper`, {
      hint: 'Correct credHelpers or credsStore in the file of logins (~/.docker/config.json).',
      context: { helper: name },
    });
  }
  const tool = `docker-credential-${name}`;
  try {
    const call = { tool, args: ['get'], package: 'golang-docker-credential-helpers', timeoutMs: helperTimeoutMs };
    const { stdout } = await runTool({ ...call, signal, input: host });
    const { Username, Secret } = v.parse(helperSchema, JSON.parse(stdout));
    if (Username === '<token>') return { kind: 'identity', token: Secret };
    return { kind: 'password', username: Username, password: Secret };
  } catch (error) {
    // It says so on stdout and ends with 1: which other failure it may be, the registry's own answer tells.
    if (hasCode(error, 'HOST_TOOL_FAILED')) return undefined;
    if (error instanceof SyntaxError || v.isValiError(error)) {
      throw zoneError('HOST_TOOL_FAILED', `"${tool}" answers with something that is no login`, {
        hint: `Run "echo ${host} | ${tool} get" and see what it says.`,
        context: { tool },
      });
    }
    throw error;
  }
}
