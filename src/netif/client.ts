/**
 * A netlink socket of the `netlink` package, wrapped: requests end with an answer or an error that names the errno, and
 * close never leaves one hanging. The package is loaded on first use, and of it only the socket (7 ms instead of 35).
 */
import { getSystemErrorName } from 'node:util';
import type { RawNetlinkSocket } from 'netlink/dist/raw.js';
import { zoneError } from '../errors/index.js';
import { decodeMessages, encodeMessage, type NetlinkMessage, type NetlinkReply, NLMSG, readI32 } from './wire/bytes.js';
import { encodeBatch } from './wire/nft.js';

/** linux/netlink.h */
export const netlinkProtocols = { route: 0, netfilter: 12 } as const;
export type NetlinkProtocol = keyof typeof netlinkProtocols;

/** The kernel answers before `send` returns: this is for a lost answer only. */
const answerTimeoutMs = 10_000;

interface Pending {
  readonly step: string;
  readonly first: number;
  readonly last: number;
  readonly replies: NetlinkReply[];
  error: Error | undefined;
  settle(): void;
}

const shared = new Map<NetlinkProtocol, Promise<NetlinkClient>>();

/**
 * The process's socket of a protocol: opened on first use and kept, because closing one makes the kernel finish what
 * nf_tables left for later (10 ms). It keeps nobody from exiting.
 *
 * @throws HOST_FEATURE_MISSING the kernel does not know the protocol
 */
export function netlink(protocol: NetlinkProtocol): Promise<NetlinkClient> {
  const known = shared.get(protocol);
  if (known !== undefined) return known;
  const forget = () => {
    if (shared.get(protocol) === opened) shared.delete(protocol);
  };
  const opened = NetlinkClient.open(protocol, forget);
  shared.set(protocol, opened);
  opened.catch(forget);
  return opened;
}

/** Sends one request after the other. */
export class NetlinkClient implements AsyncDisposable {
  readonly #socket: RawNetlinkSocket;
  readonly #onClose: () => void;
  #pending: Pending | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #sequence = 1;
  #closed = false;

  private constructor(socket: RawNetlinkSocket, onClose: () => void) {
    this.#socket = socket;
    this.#onClose = onClose;
    socket.unref();
    socket.on('message', (datagram) => this.#receive(datagram));
    socket.on('error', (error) => this.#break(error));
    socket.on('truncatedMessage', () => this.#break(new Error('a netlink answer was cut off')));
  }

  /** @throws HOST_FEATURE_MISSING the kernel does not know the protocol */
  static async open(protocol: NetlinkProtocol, onClose: () => void = () => {}): Promise<NetlinkClient> {
    const { RawNetlinkSocket } = await import('netlink/dist/raw.js');
    try {
      return new NetlinkClient(new RawNetlinkSocket(netlinkProtocols[protocol]), onClose);
    } catch (cause) {
      throw zoneError('HOST_FEATURE_MISSING', `this kernel has no netlink protocol "${protocol}"`, {
        hint: protocol === 'netfilter' ? 'Load nf_tables: modprobe nf_tables' : 'Use a kernel with CONFIG_NET.',
        context: { protocol },
        cause,
      });
    }
  }

  /** One message with an ack, or a dump. `step` says what for, as in "create bridge". */
  request(step: string, message: NetlinkMessage): Promise<NetlinkReply[]> {
    return this.#exchange(step, 1, (sequence) => encodeMessage(message, sequence));
  }

  /** Several in one datagram, done one after the other; of errors, the first. */
  async requestAll(step: string, messages: readonly NetlinkMessage[]): Promise<void> {
    await this.#exchange(step, messages.length, (first) =>
      Buffer.concat(messages.map((message, at) => encodeMessage(message, first + at))),
    );
  }

  /** nf_tables messages as one transaction. */
  async batch(step: string, messages: readonly NetlinkMessage[]): Promise<void> {
    await this.#exchange(step, messages.length, (sequence) => encodeBatch(messages, sequence - 1), 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#fail(new Error('the netlink socket was closed'));
    this.#socket.close();
    this.#onClose();
  }

  /** After this, answers and requests might no longer belong together. */
  #break(error: Error): void {
    this.#fail(error);
    this.close();
  }

  #exchange(step: string, count: number, encode: (first: number) => Buffer, edges = 0): Promise<NetlinkReply[]> {
    const run = async () => {
      if (this.#closed) throw new Error('the netlink socket is closed');
      const first = this.#sequence + edges;
      this.#sequence += count + 2 * edges;
      return this.#await(step, first, first + count - 1, encode(first));
    };
    const result = this.#turn.then(run, run);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #await(step: string, first: number, last: number, datagram: Buffer): Promise<NetlinkReply[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#break(new Error(`no answer to "${step}"`)), answerTimeoutMs);
      const pending: Pending = {
        step,
        first,
        last,
        replies: [],
        error: undefined,
        settle: () => {
          clearTimeout(timer);
          this.#pending = undefined;
          if (!this.#closed) this.#socket.unref();
          if (pending.error === undefined) resolve(pending.replies);
          else reject(pending.error);
        },
      };
      this.#pending = pending;
      this.#socket.ref();
      this.#socket.send(datagram, undefined, (error) => {
        if (error !== undefined) this.#fail(kernelError(step, error.code));
      });
    });
  }

  #fail(error: Error): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    pending.error ??= error;
    pending.settle();
  }

  #receive(datagram: Buffer): void {
    for (const message of decodeMessages(datagram)) {
      const pending = this.#pending;
      // An answer to a request that was given up is skipped; first - 1 is the begin of a batch.
      if (pending === undefined || message.sequence < pending.first - 1 || message.sequence > pending.last) continue;
      if (message.type === NLMSG.error || message.type === NLMSG.done) conclude(pending, message);
      else pending.replies.push(message);
    }
  }
}

/** An ack, an error, or the end of a dump. Of a batch, the last message's comes last; a refused begin is all there is. */
function conclude(pending: Pending, message: NetlinkReply): void {
  const errno = message.body.length >= 4 ? readI32(message.body) : 0;
  if (errno < 0) pending.error ??= kernelError(pending.step, getSystemErrorName(errno));
  if (message.sequence === pending.last || message.sequence < pending.first) pending.settle();
}

function kernelError(step: string, errno: string): Error {
  return zoneError('KERNEL_STEP_FAILED', `cannot ${step}: ${errno}`, {
    hint: errnoHints[errno] ?? 'See "dmesg" for what the kernel says about it.',
    context: { step, syscall: 'netlink', errno },
  });
}

const errnoHints: Readonly<Record<string, string>> = {
  EPERM: 'Run tszone as root, with CAP_NET_ADMIN.',
  EOPNOTSUPP: 'The kernel lacks a module for this: modprobe bridge veth nf_tables nft_nat nft_masq nft_fib_inet',
  ENOENT: 'The object is not there, or the kernel lacks a module: modprobe nf_tables nft_nat nft_masq nft_fib_inet',
  EMFILE: 'Raise the limit of open files: ulimit -n 65536',
};

/** True if the kernel refused a request with one of these. */
export function refusedWith(error: unknown, ...errnos: string[]): boolean {
  if (!(error instanceof Error) || !('context' in error)) return false;
  const context = error.context as Readonly<Record<string, unknown>>;
  return context.syscall === 'netlink' && errnos.includes(String(context.errno));
}
