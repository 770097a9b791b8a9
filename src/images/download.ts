/** Bytes from an http(s) address. What comes is as trustworthy as the digest that its reader checks. */
import type { IncomingMessage } from 'node:http';
import { hasCode, zoneError } from '../errors/index.js';

const mostRedirects = 5;
/** Without a byte. */
const idleMs = 60_000;

/** @throws HOST_TOOL_FAILED the server does not answer, or not with the file; the stream throws what breaks it off */
export async function download(address: string, signal?: AbortSignal): Promise<AsyncIterable<Buffer>> {
  let url = new URL(address);
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    const answer = await get(url, signal);
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) return bytesOf(answer, address, signal);
    answer.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      throw failed(address, `the server answered ${statusCode}`);
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
    throw hasCode(cause, 'HOST_TOOL_FAILED') ? cause : failed(address, 'the connection broke off', cause);
  }
}

async function get(url: URL, signal: AbortSignal | undefined): Promise<IncomingMessage> {
  const { get: request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const call = request(url, signal === undefined ? {} : { signal }, (answer) => {
      answer.setTimeout(idleMs, () => answer.destroy(failed(url.href, `no byte came for ${idleMs / 1000} s`)));
      resolve(answer);
    });
    call.setTimeout(idleMs, () => call.destroy(failed(url.href, `no answer came for ${idleMs / 1000} s`)));
    call.on('error', (cause: Error) =>
      reject(hasCode(cause, 'HOST_TOOL_FAILED') ? cause : failed(url.href, cause.message, cause)),
    );
  });
}

function failed(address: string, why: string, cause?: unknown): Error {
  return zoneError('HOST_TOOL_FAILED', `cannot get "${address}": ${why}`, {
    hint: 'Check the address and the network, or get the file by other means and pass --from FILE.',
    context: { address },
    cause,
  });
}
