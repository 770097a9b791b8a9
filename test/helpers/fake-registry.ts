/** A registry in this process, whose answers a test can spoil. Images are made of archives in memory. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

export const sha256 = (content: Buffer | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** True: it has answered. */
export type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean | undefined;

export class FakeRegistry implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>();
  /** By tag and by digest. */
  readonly manifests = new Map<string, { readonly content: Buffer; readonly type: string }>();
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[] = [];
  intercept: Intercept = () => false;
  readonly #server;

  /** With a key and a certificate, in PEM: encrypted. */
  constructor(tls?: { readonly key: string; readonly cert: string }) {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response);
    this.#server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  blob(content: Buffer | string, mediaType: string): Descriptor {
    const bytes = Buffer.from(content);
    this.blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.length };
  }

  document(tag: string | undefined, value: unknown, type: string): Descriptor {
    const content = Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value));
    const digest = sha256(content);
    for (const name of [digest, ...(tag === undefined ? [] : [tag])]) this.manifests.set(name, { content, type });
    return { mediaType: type, digest, size: content.length };
  }

  /** An image of archives, gzip or plain, lowest first. @returns the descriptor of its manifest */
  image(tag: string | undefined, layers: readonly Buffer[], config: object = {}): Descriptor {
    const plain = layers.map((layer) => (layer[0] === 0x1f ? gunzipSync(layer) : layer));
    const rootfs = { type: 'layers', diff_ids: plain.map(sha256) };
    const text = JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs, config: {}, ...config });
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: this.blob(text, types.config),
      layers: layers.map((layer) => this.blob(layer, types.layer)),
    };
    return this.document(tag, manifest, types.manifest);
  }

  /** Requests of blobs, with the range that was asked for. */
  get fetched(): string[] {
    return this.requests
      .filter(({ url }) => url.includes('/blobs/'))
      .map(({ url, headers }) => `${url.split('/').at(-1)}${headers.range === undefined ? '' : ` ${headers.range}`}`);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request;
    this.requests.push({ url, headers });
    response.on('error', () => undefined);
    if (this.intercept(request, response) === true) return;
    const [, kind = '', name = ''] = /\/v2\/.+\/(manifests|blobs)\/(.+)$/.exec(url) ?? [];
    const manifest = kind === 'manifests' ? this.manifests.get(name) : undefined;
    const content = manifest?.content ?? this.blobs.get(name);
    if (content === undefined) {
      response.writeHead(404).end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] }));
      return;
    }
    const part = this.part(content, headers.range);
    const type = manifest?.type ?? 'application/octet-stream';
    response.writeHead(part.status, { 'content-type': type, ...part.headers }).end(part.content);
  }

  /** What is answered to a request for a range of a blob. */
  part(content: Buffer, range: string | undefined) {
    const start = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const rest = content.subarray(start);
    const last = `bytes ${start}-${content.length - 1}/${content.length}`;
    const headers = { 'content-length': String(rest.length), ...(start === 0 ? {} : { 'content-range': last }) };
    return { status: start === 0 ? 200 : 206, headers, content: rest };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function fakeRegistry(tls?: { readonly key: string; readonly cert: string }): Promise<FakeRegistry> {
  return new FakeRegistry(tls).listen();
}
