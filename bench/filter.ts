/** `node --import tsx bench/filter.ts`: the default seccomp filter against none, in turn. docs/internals/security.md has the figures. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import { compilePolicy } from '../src/seccomp/compile.js';
import { defaultPolicy } from '../src/seccomp/default-policy.js';

const rounds = 10_000;
const turns = 100;

const directory = mkdtempSync(join(tmpdir(), 'tszone-bench-filter-'));
const [program, filter] = [join(directory, 'filter-cost'), join(directory, 'filter')];
const compiled = compilePolicy(defaultPolicy({ nesting: false, is32Bit: false }), machine());
writeFileSync(filter, compiled);
execFileSync('gcc', ['-O2', '-static', '-o', program, 'bench/filter.c']);

const measure = (...args: string[]) =>
  execFileSync(program, [String(rounds), ...args], { encoding: 'utf8' })
    .trim()
    .split(' ')
    .map(Number);
/** What a busy machine adds is no part of it: the least of many. */
const least = (values: readonly number[]) => Math.min(...values);
const samples = Array.from({ length: turns }, () => ({ none: measure(), filtered: measure(filter) }));
const column = (kind: 'none' | 'filtered', index: number) => least(samples.map((sample) => sample[kind][index] ?? 0));

console.log(`instructions: ${compiled.length / 8}; installation: ${column('filtered', 0)} µs`);
for (const [index, name] of ['allowed (getppid)', 'by arguments (setns)', 'refused (bpf)'].entries())
  console.log(`${name}: ${column('none', index + 1)} ns without, ${column('filtered', index + 1)} ns with`);
rmSync(directory, { recursive: true });
