/** Which file systems can be mounted with mapped owners: mount_setattr(2) lists them. Only a launch tells for certain. */

import type { IdmapVerdict, KernelFacts } from './facts.js';
import { mountOf, parseMountinfo } from './mountinfo.js';
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

/** For an existing path. @throws the system error if it does not exist. */
export async function canIdmap(path: string, kernel: Pick<KernelFacts, 'major' | 'minor'>): Promise<IdmapVerdict> {
  const mount = mountOf(await realpath(path), parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8')));
  return idmapVerdict(mount ?? { fsType: 'unknown', mountPoint: '/' }, kernel);
}

/** By the table alone. */
export function idmapVerdict(
  { fsType, mountPoint }: { readonly fsType: string; readonly mountPoint: string },
  { major, minor }: Pick<KernelFacts, 'major' | 'minor'>,
): IdmapVerdict {
  const first = firstKernels[fsType];
  if (first === undefined) return { ok: false, fsType, mountPoint, reason: `${fsType} cannot be idmapped` };
  const isOld = major < first[0] || (major === first[0] && minor < first[1]);
  return isOld
    ? { ok: false, fsType, mountPoint, reason: `${fsType} can be idmapped from kernel ${first.join('.')} on` }
    : { ok: true, fsType, mountPoint };
}
