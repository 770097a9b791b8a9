/** BPF programs of a group, by the ids that the kernel gives each one: bpf(2). */
import { execFileSync } from 'node:child_process';

const bpf = { x64: 321, arm64: 280 }[process.arch as string] ?? 0;
/** BPF_PROG_QUERY for BPF_CGROUP_DEVICE: how many, and an array of their ids. */
const query = `sysopen my $group, $ARGV[0], 0 or die $!; my $ids = "\\0" x 256;
  my $attr = pack "LLLLPLx64", fileno $group, 6, 0, 0, $ids, 64;
  syscall(${bpf}, 16, $attr, length $attr) == 0 or die $!; my $count = unpack "x24L", $attr; print join " ", unpack "L$count", $ids`;
/** BPF_PROG_GET_FD_BY_ID */
const find = `my $attr = pack "Lx64", $ARGV[0]; my $fd = syscall ${bpf}, 13, $attr, length $attr; die $! if $fd < 0 and not $!{ENOENT}; print $fd < 0 ? 0 : 1`;

const perl = (script: string, word: string) =>
  execFileSync('perl', ['-MErrno', '-e', script, word], { encoding: 'utf8' });

/** Those that decide on devices. */
export function devicePrograms(group: string): number[] {
  return perl(query, group).split(' ').filter(Boolean).map(Number);
}

export function isLoaded(id: number): boolean {
  return perl(find, String(id)) === '1';
}
