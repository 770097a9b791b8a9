/** Which kernel parameters a zone has of its own: those of its network and IPC namespaces (namespaces(7), sysctl(8)). */

const own: readonly RegExp[] = [
  /^net\/./,
  /^kernel\/shm(all|max|mni|_rmid_forced|_next_id)$/,
  /^kernel\/msg(max|mnb|mni|_next_id)$/,
  /^kernel\/sem(_next_id)?$/,
  /^fs\/mqueue\/[a-z_]+$/,
];

/** Dots separate, unless slashes do: the name of a link may have dots. */
const pathOf = (key: string) => (key.includes('/') ? key : key.replaceAll('.', '/'));

/** Why a zone cannot have it; completes `"KEY" …`. `undefined`: it can. */
export function sysctlProblem(key: string, value: string): string | undefined {
  const path = pathOf(key);
  if (key.length > 200 || !/^[a-z][\w.@:/-]*$/.test(key) || path.split('/').some((part) => /^\.*$/.test(part)))
    return 'is not the name of a kernel parameter such as net.core.somaxconn';
  if (value === '' || /[\0\n]/.test(value)) return 'needs a value of one line';
  if (path === 'kernel/hostname') return 'is set with --hostname';
  if (path === 'kernel/domainname') return 'is not set apart: give --hostname with its domain';
  if (own.some((pattern) => pattern.test(path))) return undefined;
  return `is the host's, not a zone's own (net.*, kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*): on the host, run sysctl -w ${key}=${value}`;
}

/** Of the network namespace: the host's own with --net host. */
export const isNetSysctl = (key: string): boolean => pathOf(key).startsWith('net/');
