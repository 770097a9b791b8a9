/** A command in a zone, as the library shows it: streams, an async iterator of output, and a result to await. */
import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { ExecResult, ExecSession } from '../operations/exec-in-zone.js';

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Buffer;
}

export interface ExecOutcome extends ExecResult {
  /** What was written, as UTF-8, if nothing else read the streams; at most `maxOutputBytes` from the start. */
  readonly stdout: string;
  readonly stderr: string;
  /** More was written than was kept. */
  readonly truncated: boolean;
}

export const defaultMaxOutputBytes = 16 * 1024 * 1024;

/**
 * Runs at once. Await it for the outcome, iterate over it for output as it comes, or use the streams.
 *
 * @example
 * for await (const { stream, data } of zone.exec(['make'])) process[stream].write(data);
 * const { exitCode, stdout } = await zone.exec(['id', '-u']);
 */
export class ExecProcess implements PromiseLike<ExecOutcome>, AsyncIterable<OutputChunk> {
  readonly #streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  readonly #session: Promise<ExecSession>;
  readonly #maxOutputBytes: number;
  #outcome: Promise<ExecOutcome> | undefined;

  constructor(session: Promise<ExecSession>, maxOutputBytes = defaultMaxOutputBytes) {
    this.#session = session;
    this.#maxOutputBytes = maxOutputBytes;
    session.then(
      (started) => this.#connect(started),
      () => this.#end(),
    );
  }

  // biome-ignore lint/suspicious/noThenProperty: awaiting the process is its main use, as with execa
  then<A = ExecOutcome, B = never>(
    onFulfilled?: ((outcome: ExecOutcome) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#outcome ??= this.#collect();
    return this.#outcome.then(onFulfilled, onRejected);
  }

  get stdin(): Writable {
    return this.#streams.stdin;
  }

  get stdout(): Readable {
    return this.#streams.stdout;
  }

  get stderr(): Readable {
    return this.#streams.stderr;
  }

  /** Sends a signal to the command; 15 asks it to end. */
  async kill(signal = 15): Promise<void> {
    (await this.#session).kill(signal);
  }

  /** Output in the order in which it comes; ends when the command has ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk> {
    const queue: OutputChunk[] = [];
    let wake: () => void = () => {};
    let open = 2;
    const listen = (stream: 'stdout' | 'stderr') => {
      this[stream].on('data', (data: Buffer) => {
        queue.push({ stream, data });
        wake();
      });
      this[stream].once('close', () => {
        open -= 1;
        wake();
      });
    };
    listen('stdout');
    listen('stderr');
    while (open > 0 || queue.length > 0) {
      const next = queue.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await (await this.#session).result;
  }

  #connect(session: ExecSession): void {
    if (session.stdin !== undefined) {
      // The command may end before it has read everything: that is its right.
      session.stdin.on('error', () => {});
      this.#streams.stdin.pipe(session.stdin);
    }
    (session.stdout ?? emptyStream()).pipe(this.#streams.stdout);
    (session.stderr ?? emptyStream()).pipe(this.#streams.stderr);
    session.result.catch(() => this.#end());
  }

  /** Nobody may wait for ever on a stream of a command that never ran, or was killed. */
  #end(): void {
    for (const stream of Object.values(this.#streams)) {
      stream.resume();
      stream.end();
    }
  }

  async #collect(): Promise<ExecOutcome> {
    const kept = [this.stdout, this.stderr].map((stream) => collectText(stream, this.#maxOutputBytes));
    const session = await this.#session;
    const result = await session.result;
    const [stdout, stderr] = await Promise.all(kept);
    return {
      ...result,
      stdout: stdout?.text ?? '',
      stderr: stderr?.text ?? '',
      truncated: (stdout?.truncated ?? false) || (stderr?.truncated ?? false),
    };
  }
}

function emptyStream(): PassThrough {
  return new PassThrough().end();
}

/** A stream with another reader is left to it. */
async function collectText(stream: Readable, maxBytes: number): Promise<{ text: string; truncated: boolean }> {
  if (stream.listenerCount('data') > 0 || stream.readableFlowing === true) return { text: '', truncated: false };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < maxBytes) chunks.push(chunk.subarray(0, maxBytes - size));
    size += chunk.length;
  }
  return { text: Buffer.concat(chunks).toString(), truncated: size > maxBytes };
}
