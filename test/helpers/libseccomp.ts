/** The filter that libseccomp makes of the same rules: test/fixtures/libseccomp/reference.c, built when it is first asked. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { numbersOf } from '../../src/seccomp/architectures.js';
import type { Architecture } from '../../src/seccomp/policy.js';

export interface ReferenceRule {
  readonly name: string;
  readonly action: number;
  readonly args: readonly ReferenceArgument[];
}

export interface ReferenceArgument {
  readonly index: number;
  /** SCMP_CMP_ and this: `MASKED_EQ`. */
  readonly op: string;
  readonly value: bigint;
  readonly valueTwo: bigint;
}

export interface ReferenceFilter {
  readonly architecture: Architecture;
  readonly otherwise: number;
  readonly rules: readonly ReferenceRule[];
}

export class Libseccomp implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'tszone-libseccomp-'));
  readonly #program = join(this.#directory, 'reference');

  constructor() {
    const warnings = ['-Wall', '-Wextra', '-Werror'];
    execFileSync('gcc', [...warnings, '-o', this.#program, 'test/fixtures/libseccomp/reference.c', '-lseccomp']);
  }

  /** Of these names, those that it knows. */
  known(names: Iterable<string>): Set<string> {
    return new Set(
      this.#run(`names\n${[...names].join(' ')}\n`)
        .toString()
        .trim()
        .split('\n'),
    );
  }

  /** Of one architecture, and of calls that `takesCall` is true of. */
  filter({ architecture, otherwise, rules }: ReferenceFilter): Buffer {
    const own = rules.filter(({ name }) => takesCall(architecture, name));
    const lines = own.map(({ name, action, args }) => {
      const words = args.map(({ index, op, value, valueTwo }) => `${index} ${op} ${value} ${valueTwo}`);
      return ['rule', action, name, args.length, ...words].join(' ');
    });
    return this.#run([`init ${architecture === 'i386' ? 'x86' : architecture} ${otherwise}`, ...lines, ''].join('\n'));
  }

  #run(input: string): Buffer {
    return execFileSync(this.#program, { input, maxBuffer: 1 << 24 });
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/**
 * With rules for calls that have no number of their own there (what only `socketcall` has among them), 2.5.4 can leave out the load of
 * the number, and then compares the architecture with it.
 */
export const takesCall = (architecture: Architecture, name: string): boolean => numbersOf(architecture).has(name);
