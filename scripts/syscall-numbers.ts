/**
 * Writes src/seccomp/numbers.ts from the kernel's user-space headers on this machine (Debian: linux-libc-dev) and, for what is
 * newer than they are, from the list below: `node --import tsx scripts/syscall-numbers.ts`.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

/** Numbers that came after Debian 12's headers, the same on every architecture: Linux, scripts/syscall.tbl. */
const later: Readonly<Record<string, number>> = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};

/** The header of each, what arch/arm64/include/uapi/asm/unistd.h asks of the generic one, and what is newer on it alone. */
const sources = {
  x86_64: { header: 'asm/unistd_64.h', defines: [], own: { uretprobe: 335, uprobe: 336 } },
  i386: { header: 'asm/unistd_32.h', defines: [], own: {} },
  aarch64: {
    header: 'asm-generic/unistd.h',
    defines: ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'SYS_CLONE3', 'MEMFD_SECRET'],
    own: {},
  },
} as const;

/** name → number, as the installed headers have it. */
export function headerNumbers(arch: keyof typeof sources): Record<string, number> {
  const { header, defines } = sources[arch];
  const wanted = defines.map((name) => `-D__ARCH_WANT_${name}`);
  const macros = execFileSync('cc', ['-E', '-dM', ...wanted, '-include', header, '-x', 'c', '/dev/null'], {
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  const defined = new Map(
    [...macros.matchAll(/^#define __NR(3264)?_(\w+) (\S+)$/gm)].map(([, kind = '', name, value]) => [
      `__NR${kind}_${name}`,
      value ?? '',
    ]),
  );
  const numberOf = (value: string): number =>
    Number(/^\d+$/.test(value) ? value : numberOf(defined.get(value) ?? 'NaN'));
  const calls = [...defined].filter(([name]) => name.startsWith('__NR_') && !isNoCall(name));
  return Object.fromEntries(calls.map(([name, value]) => [name.slice('__NR_'.length), numberOf(value)]));
}

const isNoCall = (name: string) => ['__NR_syscalls', '__NR_arch_specific_syscall'].includes(name);

function table(arch: keyof typeof sources): string {
  const names: string[] = [];
  for (const [name, number] of Object.entries({ ...later, ...sources[arch].own, ...headerNumbers(arch) }))
    names[number] = name;
  const rows: string[] = [];
  const words: string[] = [];
  for (const [number, name] of Array.from(names, (name) => name ?? '').entries()) {
    if (name === '') continue;
    const word = names[number - 1] === undefined ? `${number} ${name}` : name;
    if ([...words, word].join(' ').length > 116) rows.push(`  ${words.splice(0).join(' ')}`);
    words.push(word);
  }
  rows.push(`  ${words.join(' ')}`);
  return rows.join('\n');
}

function main(): void {
  const [, version = ''] = execFileSync('dpkg-query', ['-W', 'linux-libc-dev'], { encoding: 'utf8' })
    .trim()
    .split('\t');
  const tables = (Object.keys(sources) as (keyof typeof sources)[]).map(
    (arch) => `  ${arch}: \`\n${table(arch)}\n  \`,`,
  );
  const text = `/**
 * Names of the system calls by number, written by scripts/syscall-numbers.ts from the kernel's user-space headers (linux-libc-dev
 * ${version}: asm/unistd_64.h, asm/unistd_32.h, asm-generic/unistd.h) and, from 451 on, scripts/syscall.tbl. A number stands
 * before the first of those that follow each other.
 */
export const syscallTables = {
${tables.join('\n')}
} as const;
`;
  writeFileSync('src/seccomp/numbers.ts', text);
}

if (process.argv[1]?.endsWith('syscall-numbers.ts') === true) main();
