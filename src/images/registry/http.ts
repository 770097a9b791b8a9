/** One HTTP request over node's own client: by a proxy if there is one, given up when nothing comes. Redirects are the caller's. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Proxies, proxyFor } from './proxy.js';

export interface HttpOptions {
  readonly proxies: Proxies;
  /** Nothing has come for so long. */
  readonly idleTimeoutMs: number;
  /** Certificates are not looked at. */
  readonly insecure: boolean;
  /** PEM, on top of the system's. */
  readonly ca?: readonly string[] | undefined;
}

export interface HttpRequest {
  readonly url: URL;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** To be read to its end, or destroyed. */
  readonly body: IncomingMessage;
}

/** @throws the error of node's */
export async function sendRequest(request: HttpRequest, options: HttpOptions): Promise<HttpResponse> {
  const { url, method = 'GET', headers = {}, body, signal } = request;
  const proxy = proxyFor(url, options.proxies);
  const trust = trustOf(options);
  const { requestHttp, requestHttps, Agent, connectTls } = await loadClients();
  const shared = { method, headers: { 'user-agent': 'tszone', ...headers }, signal };
  if (url.protocol === 'https:') {
    const agent = new Agent({ keepAlive: false, ...trust });
    if (proxy === undefined) return finish(requestHttps(url, { ...shared, agent }), options, body);
    const socket = await tunnel(proxy, url, options, signal);
    const createConnection = () => connectTls({ socket, servername: url.hostname, ...trust });
    // Without any agent, `false` included: node asks that for a connection, and not us.
    return finish(requestHttps(url, { ...shared, createConnection }), options, body);
  }
  if (proxy === undefined) return finish(requestHttp(url, { ...shared, agent: false }), options, body);
  const whole = { host: hostOf(proxy), port: proxy.port || 80, path: url.href, agent: false } as const;
  return finish(
    requestHttp({ ...shared, ...whole, headers: { ...shared.headers, host: url.host, ...proxyLogin(proxy) } }),
    options,
    body,
  );
}

/** When they are needed: a start-up snapshot cannot be made with them in it (scripts/snapshot.mjs). */
async function loadClients() {
  const [http, https, tls] = await Promise.all([import('node:http'), import('node:https'), import('node:tls')]);
  return { requestHttp: http.request, requestHttps: https.request, Agent: https.Agent, connectTls: tls.connect };
}

function trustOf({ insecure, ca }: HttpOptions) {
  return { rejectUnauthorized: !insecure, ...(ca === undefined || ca.length === 0 ? {} : { ca: [...ca] }) };
}

function finish(
  request: ClientRequest,
  { idleTimeoutMs }: HttpOptions,
  body: string | undefined,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    giveUpIdle(request, idleTimeoutMs);
    request.on('response', (response) => {
      // From here on it is the reader of the body who hears of it.
      request.off('error', reject).on('error', (error) => response.destroy(error));
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response });
    });
    request.end(body);
  });
}

/** CONNECT, RFC 9110, section 9.3.6. */
async function tunnel(proxy: URL, url: URL, options: HttpOptions, signal: AbortSignal | undefined): Promise<Duplex> {
  const { requestHttp } = await loadClients();
  const path = `${url.hostname}:${url.port || 443}`;
  return new Promise((resolve, reject) => {
    const request = requestHttp({
      host: hostOf(proxy),
      port: proxy.port || 80,
      method: 'CONNECT',
      path,
      headers: { host: path, ...proxyLogin(proxy) },
      agent: false,
      signal,
    });
    request.on('error', reject);
    giveUpIdle(request, options.idleTimeoutMs);
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      return reject(new Error(`the proxy ${proxy.host} answers ${response.statusCode}`));
    });
    request.end();
  });
}

const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, '');

function proxyLogin({ username, password }: URL): Record<string, string> {
  if (username === '') return {};
  return { 'proxy-authorization': basic(decodeURIComponent(username), decodeURIComponent(password)) };
}

/** RFC 7617. */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/**
 * Where this process itself has stood still (Ctrl-Z, a debugger, a machine with too much to do), its timers are over before it has read what has come
 * meanwhile: so that is looked at first.
 */
function giveUpIdle(request: ClientRequest, afterMs: number): void {
  request.on('socket', (socket) => {
    socket.on('timeout', () => {
      const before = socket.bytesRead;
      setImmediate(() => {
        if (socket.bytesRead === before) request.destroy(idle(afterMs));
      });
    });
    const arm = () => socket.setTimeout(afterMs);
    if (socket.connecting) socket.once('connect', arm);
    else arm();
  });
}

function idle(afterMs: number): Error {
  return Object.assign(new Error(`nothing has come for ${afterMs} ms`), { code: 'ETIMEDOUT' });
}

/** The body, or `undefined` if it is longer than that. */
export async function readBody({ body }: HttpResponse, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      body.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
