/** A repository of a registry, or of the mirrors that stand before it: each is asked in turn. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../../errors/index.js';
import { type Descriptor, indexTypes, manifestTypes, maxDocumentBytes } from '../oci/documents.js';
import type { FirstDocument } from '../oci/resolve.js';
import { type BlobStream, type ContentSource, digestMismatch, requireDocumentSize } from '../oci/source.js';
import { findCredentials } from './credentials.js';
import { Endpoint } from './endpoint.js';
import { type HttpResponse, readBody } from './http.js';
import { isLoopback, type Proxies } from './proxy.js';
import type { RegistryReference } from './reference.js';
import { type RegistrySettings, readAuthorities } from './settings.js';

export interface RegistryOptions {
  readonly settings: RegistrySettings;
  /** Plain HTTP, and any certificate. */
  readonly insecure: boolean;
  readonly proxies: Proxies;
  /** Files of logins, in the order in which they are asked. */
  readonly loginFiles: readonly string[];
  readonly idleTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const defaultIdleMs = 30_000;
const tries = 4;
const firstPauseMs = 250;
const longestPauseMs = 10_000;
const manifestPath = /^application\/vnd\.(oci\.image\.(index|manifest)|docker\.distribution\.manifest)/;

export interface Registry extends ContentSource {
  /** What the reference means now. @throws IMAGE_NOT_FOUND, IMAGE_DIGEST_MISMATCH, REGISTRY_* */
  readFirst(signal?: AbortSignal): Promise<FirstDocument>;
}

export async function openRegistry(reference: RegistryReference, options: RegistryOptions): Promise<Registry> {
  const endpoints = await endpointsOf(reference, options);
  return {
    readFirst: (signal) => inTurn(endpoints, (endpoint) => readFirst(endpoint, reference, signal), signal),
    readDocument: ({ digest, mediaType }, signal) =>
      inTurn(endpoints, (endpoint) => readDocument(endpoint, { digest, mediaType }, signal), signal),
    openBlob: (descriptor, offset, signal) =>
      inTurn(endpoints, (endpoint) => openBlob(endpoint, descriptor, offset, signal), signal),
  };
}

async function endpointsOf(reference: RegistryReference, options: RegistryOptions): Promise<Endpoint[]> {
  const { host } = reference;
  const server = host === 'docker.io' ? 'registry-1.docker.io' : host;
  const bases = [...(options.settings.mirrors[host] ?? []), `https://${server}`].map((text) => new URL(text));
  return Promise.all(
    bases.map(async (base) => {
      const isOrigin = base.host === new URL(`https://${server}`).host;
      const isTrusted = options.settings.insecure.includes(base.host) || (isOrigin && options.insecure);
      return new Endpoint({
        base,
        mayBePlain: isTrusted || isLoopback(base.hostname) || base.protocol === 'http:',
        insecure: isTrusted,
        ca: await readAuthorities(base.host),
        repository: reference.repository,
        proxies: options.proxies,
        idleTimeoutMs: options.idleTimeoutMs ?? defaultIdleMs,
        credentials: () =>
          findCredentials(
            { host: isOrigin ? host : base.host, repository: reference.repository },
            options.loginFiles,
            options.signal,
          ),
      });
    }),
  );
}

/** A mirror that fails in whatever way is passed over; what the registry itself says counts. */
async function inTurn<T>(
  endpoints: readonly Endpoint[],
  work: (endpoint: Endpoint) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  for (const endpoint of endpoints.slice(0, -1)) {
    try {
      return await work(endpoint);
    } catch {
      signal?.throwIfAborted();
    }
  }
  const origin = endpoints.at(-1);
  if (origin === undefined) throw new Error('a registry without a server');
  return repeated(() => work(origin), signal);
}

/** What may be better the next time is tried again. */
async function repeated<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (count === tries || !hasCode(error, 'REGISTRY_UNREACHABLE') || isHopeless(error.context.errno)) throw error;
      const asked = Number(error.context.retryAfter ?? 0) * 1000 || 0;
      await sleep(Math.min(longestPauseMs, Math.max(asked, firstPauseMs * 2 ** count)), undefined, { signal });
    }
  }
}

/** No such host, nobody listens, a certificate that is not trusted: the same in a second. */
function isHopeless(errno: unknown): boolean {
  return /^(ENOTFOUND|ECONNREFUSED|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS)/.test(String(errno ?? ''));
}

const accepted = [...indexTypes, ...manifestTypes].join(', ');

async function readFirst(
  endpoint: Endpoint,
  { tag, digest: wanted }: RegistryReference,
  signal: AbortSignal | undefined,
): Promise<FirstDocument> {
  const response = await endpoint.get({ path: `manifests/${wanted ?? tag}`, headers: { accept: accepted }, signal });
  const mediaType = response.headers['content-type']?.split(';')[0]?.trim();
  if (mediaType === 'text/html') {
    response.body.destroy();
    throw endpoint.bad('it sends a web page', { tag });
  }
  const content = await readAll(endpoint, response);
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const said = response.headers['docker-content-digest'];
  const expected = wanted ?? (typeof said === 'string' && said.startsWith('sha256:') ? said : digest);
  if (digest !== expected) throw digestMismatch(expected, { found: digest, registry: endpoint.name });
  return { content, digest, mediaType };
}

async function readDocument(
  endpoint: Endpoint,
  { digest, mediaType }: Pick<Descriptor, 'digest' | 'mediaType'>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const isManifest = manifestPath.test(mediaType);
  const headers = isManifest ? { accept: accepted } : {};
  const path = `${isManifest ? 'manifests' : 'blobs'}/${digest}`;
  return readAll(endpoint, await endpoint.get({ path, headers, signal }));
}

async function readAll(endpoint: Endpoint, response: HttpResponse): Promise<Buffer> {
  requireDocumentSize(Number(response.headers['content-length'] ?? 0));
  const content = await readBody(response, maxDocumentBytes).catch((error: unknown) => {
    throw endpoint.broken(error);
  });
  if (content === undefined) requireDocumentSize(maxDocumentBytes + 1);
  return content ?? Buffer.alloc(0);
}

async function openBlob(
  endpoint: Endpoint,
  { digest }: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<BlobStream> {
  const headers: Record<string, string> = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const response = await endpoint.get({ path: `blobs/${digest}`, headers, signal });
  const range = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  const start = response.status === 206 ? Number(range?.[1] ?? Number.NaN) : 0;
  if (start !== 0 && start !== offset) {
    response.body.destroy();
    throw endpoint.bad('it sends another part of a blob than was asked for', { digest, offset });
  }
  return { offset: start, chunks: chunksOf(endpoint, response, signal) };
}

async function* chunksOf(
  endpoint: Endpoint,
  { body }: HttpResponse,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    signal?.throwIfAborted();
    throw endpoint.broken(error);
  } finally {
    body.destroy();
  }
}
