/** Where zones' files lie: overlay, idmapped mounts, free space. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { idmapVerdict } from '../idmap.js';
import { mountOf } from '../mountinfo.js';
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';
import { presenceOf } from './modules.js';

const leastFreeBytes = 2 ** 30;

export const storageChecks: CheckGroup = async (context) => [
  overlay(context),
  idmapped(context),
  await freeSpace(context),
];

function overlay(context: CheckContext): Check {
  const registered = /\toverlay$/m.test(context.read('/proc/filesystems') ?? '');
  const presence = registered ? 'loaded' : presenceOf(context, 'overlay', 'ovl_fill_super');
  return check('storage.overlay', 'overlay with userxattr', {
    ok: presence !== 'missing',
    otherwise: 'fail',
    detail: presence === 'module' ? 'as a module' : presence === 'loaded' ? 'there' : 'this kernel has none',
    fix: 'use a kernel with CONFIG_OVERLAY_FS',
  });
}

function idmapped(context: CheckContext): Check {
  const path = existingPart(context);
  const verdict = idmapVerdict(
    mountOf(path, context.mounts) ?? { fsType: 'unknown', mountPoint: '/' },
    context.facts.kernel,
  );
  return check('storage.idmap', 'idmapped mounts of the data directory', {
    ok: verdict.ok,
    otherwise: 'fail',
    detail: verdict.ok
      ? `${verdict.fsType} at ${verdict.mountPoint}`
      : `${verdict.reason} (${context.root} is on ${verdict.mountPoint})`,
    fix:
      context.facts.kernel.isInner === true
        ? 'mount -t tmpfs tmpfs DIR, and pass --root with a directory on it; or give zones --userns host'
        : 'pass --root with a directory on ext4, xfs or btrfs',
  });
}

async function freeSpace(context: CheckContext): Promise<Check> {
  const path = existingPart(context);
  const { bavail, bsize } = await statfs(path);
  const freeBytes = bavail * bsize;
  return check('storage.space', 'free space', {
    ok: freeBytes >= leastFreeBytes,
    detail: `${(freeBytes / 2 ** 30).toFixed(1)} GiB for ${context.root}`,
    fix: 'make room, or pass --root with a directory elsewhere',
  });
}

function existingPart({ root, exists }: CheckContext): string {
  let path = root;
  while (path !== '/' && !exists(path)) path = dirname(path);
  return path;
}
