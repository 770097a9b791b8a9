/** Programs that building and importing images needs, and pools of other drivers; running zones in the default pool needs none. */
import { type Check, type CheckContext, type CheckGroup, check } from './check.js';

/** Program → Debian's package, and what it is for. */
const tools = [
  ['mmdebstrap', 'mmdebstrap', 'image build debian'],
  ['dpkg-deb', 'dpkg', 'image build busybox'],
  ['xz', 'xz-utils', 'image import of .xz'],
  ['zstd', 'zstd', 'image import of .zst'],
  ['mkfs.ext4', 'e2fsprogs', 'pools of the driver loop'],
  ['resize2fs', 'e2fsprogs', 'pools of the driver loop: set --disk'],
  ['losetup', 'mount', 'pools that are files: growing them'],
  ['mkfs.btrfs', 'btrfs-progs', 'pools of the driver btrfs'],
] as const;

export const toolChecks: CheckGroup = (context) => [
  ...tools.map((tool) => program(context, tool)),
  bootService(context),
];

function program({ findTool }: CheckContext, [name, packageName, use]: (typeof tools)[number]): Check {
  const path = findTool(name);
  return check(`tool.${name}`, name, {
    ok: path !== undefined,
    detail: path ?? `not installed: needed by ${use}`,
    fix: `apt-get install --no-install-recommends ${packageName}`,
  });
}

function bootService({ facts }: CheckContext): Check {
  const detail = facts.systemd ? 'systemd' : 'no systemd: have your init run "tszone boot" for zones that autostart';
  return { id: 'host.init', title: 'init', status: 'ok', detail };
}
