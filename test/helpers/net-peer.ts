/** Net namespaces for tests, each with a process inside that does what it is told: a host, its zones, the world outside. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { letLoopsGo } from './loop-mounts.js';
import type { Calls } from './net-peer-main.js';

type Call = {
  [Name in keyof Calls]: Calls[Name] extends (...args: infer Args) => infer Result
    ? (name: Name, ...args: Args) => Promise<Awaited<Result>>
    : never;
};

const main = fileURLToPath(new URL('net-peer-main.ts', import.meta.url));

/** A namespace of its own, with a /sys that shows it. */
export class NetPeer implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** The answer to whatever is asked when the process has gone. */
  readonly #ended: Promise<string>;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'exit').then(() =>
      JSON.stringify({ error: { message: 'the process in the namespace has ended' } }),
    );
    const { stdout } = child;
    if (stdout === null) throw new Error('no stdout');
    createInterface({ input: stdout }).on('line', (line) => this.#waiting.shift()?.(line));
  }

  static async start(): Promise<NetPeer> {
    const script = `${letLoopsGo}; mount -t sysfs sysfs /sys && ip link set lo up && exec '${process.execPath}' --import tsx '${main}'`;
    const child = spawn('unshare', ['--net', '--mount', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const peer = new NetPeer(child);
    await peer.call('tableName', '000000');
    return peer;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('not started');
    return this.#child.pid;
  }

  /** @throws an Error with `code` and `context` as the call's own error had them */
  async call<Name extends keyof Calls>(
    name: Name,
    ...args: Parameters<Call[Name]> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<Awaited<ReturnType<Call[Name]>>> {
    const answer = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin?.write(`${JSON.stringify({ call: name, args })}\n`);
    const { result, error } = JSON.parse(await Promise.race([answer, this.#ended]));
    if (error !== undefined) throw Object.assign(new Error(error.message), error);
    return result;
  }

  /** A shell command in the namespace. @throws if it fails */
  sh(command: string): string {
    const { status, stdout, stderr } = spawnSync(
      'nsenter',
      [`--net=/proc/${this.pid}/ns/net`, `--mount=/proc/${this.pid}/ns/mnt`, 'sh', '-ec', command],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
