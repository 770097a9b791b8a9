/** `create`: a zone on disk, made from an image, which is built or fetched if it has to be. */
import type { ZoneOptions } from '../spec/index.js';
import type { ZoneRecord } from '../state/index.js';
import { type EnsureImageOptions, type PullPolicy, withImage } from './ensure-image.js';
import type { HostContext } from './host-context.js';
import { type MakeOptions, makeThen } from './make-zone.js';
import type { FeasibleParts } from './zone-files.js';

export interface CreateOptions extends MakeOptions {
  readonly pull?: PullPolicy;
  readonly onProgress?: EnsureImageOptions['progress'];
}

/**
 * Makes the zone. Nothing of it is there before the last step, and nothing is left if one fails.
 *
 * @throws SPEC_INVALID, ZONE_EXISTS, IMAGE_NOT_FOUND, RESOURCE_DISK_FULL, RESOURCE_IDS_EXHAUSTED, HOST_FEATURE_MISSING
 */
export async function createZone(
  host: HostContext,
  input: ZoneOptions,
  options: CreateOptions = {},
): Promise<ZoneRecord> {
  return createThen(host, input, options, async (record) => record);
}

/** The same, and `next` with the zone's lock still held; if it fails, the zone is taken back. */
export async function createThen<T>(
  host: HostContext,
  input: ZoneOptions,
  options: CreateOptions,
  next: (record: ZoneRecord, parts: FeasibleParts | undefined) => Promise<T>,
): Promise<T> {
  const { pull = 'missing', onProgress: progress, signal } = options;
  return makeThen(
    host,
    input,
    options,
    ({ image }, make) => withImage(host, image, { pull, progress, signal }, make),
    next,
  );
}
