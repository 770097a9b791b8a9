/** One command line through the native entry and through node alone. */
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import {
  type CliOptions,
  type CliResult,
  entry,
  nativeEntry,
  type RunningCli,
  runProgram,
  startProgram,
} from './cli.js';
import { eventually } from './patience.js';
import type { TempHost } from './temp-host.js';

const withHost = (host: TempHost, options: CliOptions): CliOptions => ({
  ...options,
  env: { ...host.env, ...options.env },
});

export function startNative(host: TempHost, args: readonly string[], options: CliOptions = {}) {
  return startProgram(nativeEntry, args, withHost(host, options));
}

/** What the native entry did, after it was seen that node does the same, to the byte. */
export async function bothWays(host: TempHost, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const cold = await runProgram(process.execPath, [entry, ...args], withHost(host, options));
  const native = await startNative(host, args, options).ended;
  expect(native, args.join(' ')).to.deep.equal(cold);
  return native;
}

/** `status`: what the zone uses may change between the two, by what the kernel gives back late for one; then they are asked again. */
export function statusBothWays(host: TempHost, zone: string): Promise<CliResult> {
  return eventually('both show the same', () => bothWays(host, ['status', zone]));
}

/** A copy of the native entry that hands over to a program which only prints what it was given. */
export class Handing {
  readonly #program: string;

  private constructor(readonly directory: string) {
    this.#program = join(directory, 'native/build/tszone');
  }

  static async in(host: TempHost): Promise<Handing> {
    const handing = new Handing(join(host.directory, 'package'));
    await mkdir(dirname(handing.#program), { recursive: true });
    await copyFile(nativeEntry, handing.#program);
    await chmod(handing.#program, 0o755);
    const printer = handing.printer;
    await writeFile(printer, '#!/bin/sh\nprintf "handed over"\nprintf " [%s]" "$@"\n', { mode: 0o755 });
    await handing.record();
    return handing;
  }

  /** What is started instead of node. */
  get printer(): string {
    return join(this.directory, 'printer');
  }

  /** Writes down what is to be started, with these words behind it. */
  async record(...words: readonly string[]): Promise<void> {
    const text = [this.printer, ...words].map((word) => `${word}\0`).join('');
    await writeFile(join(dirname(this.#program), 'command'), text);
  }

  run(host: TempHost, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return this.start(host, args, options).ended;
  }

  start(host: TempHost, args: readonly string[], options: CliOptions = {}): RunningCli {
    return startProgram(this.#program, args, withHost(host, options));
  }

  /** What is printed for a command line that is node's. */
  expected(args: readonly string[]): string {
    const words = [join(this.directory, 'bin/tszone.js'), ...args];
    return `handed over${words.map((word) => ` [${word}]`).join('')}`;
  }
}
