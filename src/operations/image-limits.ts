/** How large an image may be that nobody vouches for. */
import type { ArchiveLimits } from '../images/index.js';

export interface LimitOptions {
  /** Unpacked. Given, it says that the image is trusted to be that large, however well it was compressed. */
  readonly maxSizeBytes?: number | undefined;
  /** Of each layer. */
  readonly maxEntries?: number | undefined;
}

const defaultMaxBytes = 64 * 1024 ** 3;
const defaultMaxEntries = 500_000;
/** An honest root file system is compressed to a third; text alone to a tenth. */
const defaultMaxRatio = 200;

/** Of one image: what its layers have spent is counted together. */
export function limitsOfImage({ maxSizeBytes, maxEntries }: LimitOptions): ArchiveLimits {
  return {
    maxBytes: maxSizeBytes ?? defaultMaxBytes,
    maxRatio: maxSizeBytes === undefined ? defaultMaxRatio : Number.POSITIVE_INFINITY,
    maxEntries: maxEntries ?? defaultMaxEntries,
    spent: { bytes: 0 },
  };
}
