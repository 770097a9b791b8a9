/** Architectures: by Debian's names with us, by Go's in images. */
import { zoneError } from '../../errors/index.js';
import { nativeArch, runsHere } from '../arch.js';
import type { Descriptor, OciConfig } from './documents.js';

export interface Platform {
  readonly architecture: string;
  readonly variant?: string | undefined;
}

const platforms: Readonly<Record<string, Platform>> = {
  amd64: { architecture: 'amd64' },
  i386: { architecture: '386' },
  arm64: { architecture: 'arm64', variant: 'v8' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v5' },
  riscv64: { architecture: 'riscv64' },
  ppc64el: { architecture: 'ppc64le' },
  s390x: { architecture: 's390x' },
};

/** Debian's name: of what an image says, or of what a user calls it. */
export function debianArch({ architecture, variant }: Platform): string {
  if (architecture === 'arm') return variant === 'v5' || variant === 'v6' ? 'armel' : 'armhf';
  return Object.entries(platforms).find(([, platform]) => platform.architecture === architecture)?.[0] ?? architecture;
}

/** What a user calls it: `i386`, `386`, `linux/arm/v7`. */
export function parseArch(given: string): string {
  const [architecture = '', variant] = given.replace(/^linux\//, '').split('/');
  return architecture in platforms ? architecture : debianArch({ architecture, variant });
}

/** For the config of an image. */
export function platformOf(arch: string): Platform {
  return platforms[arch] ?? { architecture: arch };
}

/**
 * Of an index: the entry for that architecture; without one, for this machine's, or for another that runs here.
 *
 * @throws IMAGE_PLATFORM_MISSING
 */
export function choosePlatform(entries: readonly Descriptor[], wanted: string | undefined): Descriptor {
  const usable = entries.filter(({ platform }) => (platform?.os ?? 'linux') === 'linux');
  const archOf = ({ platform }: Descriptor) =>
    platform?.architecture == null
      ? undefined
      : debianArch({ architecture: platform.architecture, variant: platform.variant ?? undefined });
  const found =
    usable.find((entry) => archOf(entry) === (wanted ?? nativeArch)) ??
    usable.find((entry) => wanted === undefined && runsHere(archOf(entry) ?? '')) ??
    // An index around one manifest, as layouts have it, need not say for what it is.
    (usable.length === 1 && usable.every((entry) => archOf(entry) === undefined) ? usable[0] : undefined);
  if (found !== undefined) return found;
  throw missing(
    wanted,
    entries.map(({ platform }) => [platform?.os, platform?.architecture, platform?.variant].filter(Boolean).join('/')),
  );
}

/** @throws IMAGE_PLATFORM_MISSING the image is for something else */
export function requirePlatform(config: OciConfig, wanted: string | undefined): string {
  const { architecture, variant, os } = config;
  const arch = debianArch({ architecture, variant: variant ?? undefined });
  const isRight = wanted === undefined ? runsHere(arch) : arch === wanted;
  if (isRight && (os ?? 'linux') === 'linux') return arch;
  throw missing(wanted, [[os, architecture, variant].filter(Boolean).join('/')]);
}

function missing(wanted: string | undefined, found: readonly string[]): Error {
  const there = [...new Set(found.filter((name) => name !== '' && !name.startsWith('unknown')))];
  return zoneError('IMAGE_PLATFORM_MISSING', `there is no image for ${wanted ?? nativeArch} behind that name`, {
    hint: `There are: ${there.join(', ') || 'none that say what they are for'}. Pass --arch to get another one than this machine's.`,
    context: { arch: wanted ?? nativeArch, found: there },
  });
}
