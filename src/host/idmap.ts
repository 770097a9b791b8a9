/** Which file systems can be mounted with mapped owners: mount_setattr(2) lists them. Only a launch tells for certain. */

import type { IdmapVerdict, KernelFacts } from './facts.js';
import { type Mount, mountOf, parseMountinfo } from './mountinfo.js';
import { readFile, realpath } from './quick-fs.js';

/** File system → the first kernel that can. FUSE is left out: it depends on the server. */
const firstKernels: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  ext4: [5, 12],
  xfs: [5, 12],
  vfat: [5, 12],
  btrfs: [5, 15],
  ntfs3: [5, 15],
  f2fs: [5, 18],
  erofs: [5, 19],
  squashfs: [6, 2],
  tmpfs: [6, 3],
  ceph: [6, 7],
  hugetlbfs: [6, 9],
};

type Kernel = Pick<KernelFacts, 'major' | 'minor' | 'isInner'>;

/** For an existing path. @throws the system error if it does not exist. */
export async function canIdmap(path: string, kernel: Kernel): Promise<IdmapVerdict> {
  const mount = mountOf(await realpath(path), parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')));
  return idmapVerdict(mount ?? { fsType: 'unknown', mountPoint: '/' }, kernel);
}

/** By the table alone. */
export function idmapVerdict(
  { fsType, mountPoint, superOptions = [] }: Pick<Mount, 'fsType' | 'mountPoint'> & Partial<Mount>,
  { major, minor, isInner }: Kernel,
): IdmapVerdict {
  const first = firstKernels[fsType];
  if (first === undefined) return { ok: false, fsType, mountPoint, reason: `${fsType} cannot be idmapped` };
  const isOld = major < first[0] || (major === first[0] && minor < first[1]);
  if (isOld)
    return { ok: false, fsType, mountPoint, reason: `${fsType} can be idmapped from kernel ${first.join('.')} on` };
  if (isInner === true && !isOwnTmpfs(fsType, superOptions)) {
    const reason = `${fsType} at ${mountPoint} was mounted outside this zone: nobody in it may map its owners (EPERM)`;
    return { ok: false, fsType, mountPoint, reason };
  }
  return { ok: true, fsType, mountPoint };
}

/**
 * Who may map a file system's owners is root of the user namespace that has mounted it (`can_idmap_mount` in fs/namespace.c), and of those
 * that can be idmapped only tmpfs can be mounted in an inner one. It then names its owner, who is not the machine's root.
 */
function isOwnTmpfs(fsType: string, superOptions: readonly string[]): boolean {
  return fsType === 'tmpfs' && superOptions.some((option) => option.startsWith('uid='));
}
