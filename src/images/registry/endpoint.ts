/** One server of the distribution API: how it is reached, who we are there, and which of its answers are errors. */
import { zoneError } from '../../errors/index.js';
import { type Challenge, parseChallenges } from './challenge.js';
import type { Credentials } from './credentials.js';
import { basic, type HttpOptions, type HttpResponse, readBody, sendRequest } from './http.js';
import { isLoopback } from './proxy.js';

export interface EndpointOptions extends HttpOptions {
  /** Of the registry, or of a mirror of it: `https://host[:port][/prefix]`. */
  readonly base: URL;
  /** Without encryption if it has none: this machine's own, or told to. */
  readonly mayBePlain: boolean;
  readonly repository: string;
  /** Asked for only when the server wants to know. */
  readonly credentials: () => Promise<Credentials | undefined>;
}

export interface EndpointRequest {
  /** Below `/v2/REPOSITORY/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

const maxRedirects = 5;
const maxTokenBytes = 1 << 20;
const maxErrorBytes = 64 << 10;
/** TLS where the server speaks plain HTTP. */
const plainErrors = ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'];

export class Endpoint {
  readonly #options: EndpointOptions;
  #base: URL;
  #authorization: string | undefined;
  #login: Promise<Credentials | undefined> | undefined;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#base = options.base;
  }

  get name(): string {
    return this.#base.host;
  }

  /** An answer of 200 or 206. @throws REGISTRY_UNREACHABLE, REGISTRY_AUTH_FAILED, REGISTRY_BAD_ANSWER, IMAGE_NOT_FOUND */
  async get(request: EndpointRequest): Promise<HttpResponse> {
    const response = await this.#authorized(request);
    const { status } = response;
    if (status === 200 || status === 206) return response;
    const said = await this.#said(response);
    if (status === 404) throw this.#notFound(said);
    if (status === 401 || status === 403) throw this.#refused(status, said);
    if (status === 429 || status >= 500) {
      throw this.#unreachable(`it answers ${status}`, { status, said, retryAfter: response.headers['retry-after'] });
    }
    throw this.bad(`it answers ${status}`, { status, said });
  }

  async #authorized(request: EndpointRequest): Promise<HttpResponse> {
    const { pathname } = this.#base;
    const path = `${pathname.replace(/\/$/, '')}/v2/${this.#options.repository}/${request.path}`;
    const send = () => this.#follow(path, request);
    const first = await send();
    if (first.status !== 401) return first;
    first.body.resume();
    this.#authorization = await this.#answer(first, request.signal);
    return send();
  }

  /** @returns the value of `Authorization` */
  async #answer({ headers }: HttpResponse, signal?: AbortSignal): Promise<string | undefined> {
    const challenges = parseChallenges(headers['www-authenticate'] ?? '');
    this.#login ??= this.#options.credentials();
    const login = await this.#login;
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) return `Bearer ${await this.#fetchToken(bearer, login, signal)}`;
    if (challenges.some(({ scheme }) => scheme === 'basic') && login?.kind === 'password') {
      return basic(login.username, login.password);
    }
    throw this.#refused(401, login === undefined ? 'a login is needed' : 'no way to log in that is known here');
  }

  async #fetchToken({ parameters }: Challenge, login: Credentials | undefined, signal?: AbortSignal): Promise<string> {
    const { realm = '', service, scope = `repository:${this.#options.repository}:pull` } = parameters;
    if (!URL.canParse(realm)) throw this.bad('it names no realm to get a token from', { realm });
    const url = new URL(realm);
    this.#requireSafe(url, 'its realm');
    const query: Record<string, string> = { ...(service === undefined ? {} : { service }), scope };
    const response = await this.#attempt(() =>
      login?.kind === 'identity'
        ? sendRequest({ url, signal, method: 'POST', ...refreshForm(login.token, query) }, this.#options)
        : sendRequest({ url: withQuery(url, query), signal, headers: loginHeader(login) }, this.#options),
    );
    if (response.status !== 200) throw this.#refused(response.status, await this.#said(response));
    const body = await this.#attempt(() => readBody(response, maxTokenBytes));
    const token = tokenOf(body);
    if (token === undefined) throw this.bad('its realm answers with no token', { realm });
    return token;
  }

  /** Redirects lead to where blobs lie: what proves who we are stays with the server that asked for it. */
  async #follow(path: string, { headers = {}, signal }: EndpointRequest): Promise<HttpResponse> {
    let url = new URL(path, this.#base);
    for (let count = 0; ; count += 1) {
      const isOwn = url.origin === this.#base.origin;
      const authorization = isOwn ? this.#authorization : undefined;
      const all = { ...headers, ...(authorization === undefined ? {} : { authorization }) };
      const response = await this.#send(url, all, signal);
      const { location } = response.headers;
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      response.body.resume();
      if (count === maxRedirects) throw this.bad(`it redirects more than ${maxRedirects} times`, { location });
      if (!URL.canParse(location, url.href)) throw this.bad('it redirects to what is no address', { location });
      // The base may have become plain meanwhile.
      url = new URL(location, url.origin === new URL(path, this.#base).origin ? this.#base : url);
      this.#requireSafe(url, 'what it redirects to');
    }
  }

  async #send(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<HttpResponse> {
    try {
      return await sendRequest({ url, headers, signal }, this.#options);
    } catch (error) {
      signal?.throwIfAborted();
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const isPlain = url.protocol === 'https:' && url.origin === this.#base.origin && plainErrors.includes(code);
      if (!isPlain) throw this.#unreachable(messageOf(error), { errno: code });
      if (!this.#options.mayBePlain) throw this.#plain();
      this.#base = new URL(this.#base.href.replace(/^https:/, 'http:'));
      return this.#send(new URL(url.href.replace(/^https:/, 'http:')), headers, signal);
    }
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#unreachable(messageOf(error), {});
    }
  }

  /** Nothing is sent in the clear, nor to this machine's own services, because a server far away says so. */
  #requireSafe(url: URL, what: string): void {
    const isWeb = url.protocol === 'https:' || (url.protocol === 'http:' && this.#options.mayBePlain);
    const isNear = isLoopback(url.hostname) && !isLoopback(this.#options.base.hostname);
    if (isWeb && !isNear) return;
    throw this.bad(`${what} is ${isNear ? "one of this machine's own addresses" : 'not encrypted'}`, { url: url.href });
  }

  async #said(response: HttpResponse): Promise<string> {
    const body = await readBody(response, maxErrorBytes).catch(() => undefined);
    try {
      const { errors } = JSON.parse(body?.toString('utf8') ?? '') as { errors?: { message?: unknown }[] };
      const message = errors?.[0]?.message;
      return typeof message === 'string' ? message : '';
    } catch {
      return '';
    }
  }

  #notFound(said: string): Error {
    const { repository } = this.#options;
    return zoneError('IMAGE_NOT_FOUND', `registry "${this.name}" has no such image of "${repository}"`, {
      hint: 'Check the name and the tag; a private image may need "docker login" or "skopeo login" first.',
      context: { registry: this.name, repository, said },
    });
  }

  #refused(status: number, said: string): Error {
    return zoneError(
      'REGISTRY_AUTH_FAILED',
      `registry "${this.name}" refuses access to "${this.#options.repository}"`,
      {
        hint: `Run "docker login ${this.name}" or "skopeo login ${this.name}" as this user, or check the name.`,
        context: { registry: this.name, repository: this.#options.repository, status, said },
      },
    );
  }

  #plain(): Error {
    return zoneError('REGISTRY_BAD_ANSWER', `registry "${this.name}" does not encrypt`, {
      hint: 'Pass --insecure, or list it in registries.json ("insecure"), if the network between is to be trusted.',
      context: { registry: this.name },
    });
  }

  #unreachable(reason: string, context: object): Error {
    return zoneError('REGISTRY_UNREACHABLE', `registry "${this.name}" cannot be reached: ${reason}`, {
      hint: 'Check the name, the network and the proxy (https_proxy), and repeat the command: it goes on where it was.',
      context: { registry: this.name, reason, ...context },
    });
  }

  bad(problem: string, context: object): Error {
    return zoneError('REGISTRY_BAD_ANSWER', `registry "${this.name}" does not answer as it should: ${problem}`, {
      hint: 'Check that it is a registry of the OCI distribution API, and what stands between (proxies, mirrors).',
      context: { registry: this.name, ...context },
    });
  }

  /** A connection that broke while a body was read. */
  broken(error: unknown): Error {
    return this.#unreachable(messageOf(error), {});
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const whole = new URL(url);
  for (const [name, value] of Object.entries(query)) {
    for (const one of name === 'scope' ? value.split(' ') : [value]) whole.searchParams.append(name, one);
  }
  return whole;
}

function loginHeader(login: Credentials | undefined): Record<string, string> {
  return login?.kind === 'password' ? { authorization: basic(login.username, login.password) } : {};
}

/** RFC 6749, section 6. */
function refreshForm(token: string, query: Readonly<Record<string, string>>) {
  const form = new URLSearchParams({
    ...query,
    grant_type: 'refresh_token',
    refresh_token: token,
    client_id: 'tszone',
  });
  return { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form.toString() };
}

function tokenOf(body: Buffer | undefined): string | undefined {
  try {
    const answer = JSON.parse(body?.toString('utf8') ?? '') as { token?: unknown; access_token?: unknown };
    const token = answer.token ?? answer.access_token;
    return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}
