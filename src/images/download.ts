/** Bytes from an http(s) address. What comes is as trustworthy as the digest that its reader checks. */
import type { IncomingMessage } from 'node:http';
import { zoneError } from '../errors/index.js';
import { readEnvironment } from '../host/index.js';
import type { HttpResponse } from './registry/http.js';

const mostRedirects = 5;
/** Without a byte. */
const idleTimeoutMs = 60_000;

/** @throws HOST_TOOL_FAILED the server does not answer, or not with the file; the stream throws what breaks it off */
export async function download(address: string, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
  let url = new URL(address);
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    const { status, headers, body } = await get(url, address, signal);
    if (status === 200) return bytesOf(body, address, signal);
    body.destroy();
    if (![301, 302, 303, 307, 308].includes(status) || headers.location === undefined)
      throw failed(address, `the server answered ${status}`);
    const next = new URL(headers.location, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') throw failed(address, 'it leads from https to http');
    url = next;
  }
  throw failed(address, `it leads on more than ${mostRedirects} times`);
}

async function* bytesOf(
  answer: IncomingMessage,
  address: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of answer) yield chunk as Buffer;
  } catch (cause) {
    signal?.throwIfAborted();
    throw failed(address, 'the connection broke off', cause);
  }
}

async function get(url: URL, address: string, signal: AbortSignal | undefined): Promise<HttpResponse> {
  const { sendRequest } = await import('./registry/http.js');
  try {
    return await sendRequest({ url, signal }, { proxies: readEnvironment().proxies, idleTimeoutMs, insecure: false });
  } catch (cause) {
    signal?.throwIfAborted();
    throw failed(address, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function failed(address: string, why: string, cause?: unknown): Error {
  return zoneError('HOST_TOOL_FAILED', `cannot get "${address}": ${why}`, {
    hint: 'Check the address and the network, or get the file by other means and pass --from FILE.',
    context: { address },
    cause,
  });
}
