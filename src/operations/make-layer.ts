/** An archive becomes a layer: unpacked aside by a confined process, checked, and named by one rename. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ArchiveLimits,
  type ArchiveSource,
  type OnProgress,
  type Unpacked,
  unpackArchive,
} from '../images/index.js';
import { diskFull, type Roots } from '../state/index.js';
import { keepOutline, type LayerStaging } from '../storage/index.js';

export interface ArchiveInput {
  readonly archive: ArchiveSource;
  readonly totalBytes?: number | undefined;
  readonly limits?: ArchiveLimits | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws IMAGE_ARCHIVE_INVALID, IMAGE_TOO_LARGE, RESOURCE_DISK_FULL, KERNEL_STEP_FAILED; what the archive throws */
export async function unpackLayer(staging: LayerStaging, input: ArchiveInput): Promise<Unpacked> {
  const { archive, totalBytes, limits, progress, signal } = input;
  await using outline = await open(outlineOf(staging), 'w', 0o600).catch((error: unknown) => {
    throw diskFull(error, staging.scratch);
  });
  const source = { source: archive, totalBytes, directory: staging.tree };
  return await unpackArchive({ ...source, limits, progress, signal, outline: outline.fd });
}

/** Gives it its name. Call with the images locked. */
export async function commitLayer(roots: Roots, staging: LayerStaging, unpacked: Unpacked): Promise<void> {
  const { digest, sizeBytes, entries, exact } = unpacked;
  await keepOutline(roots, digest, { facts: { sizeBytes, entries, exact }, outline: outlineOf(staging) });
  await staging.commit(digest);
}

const outlineOf = ({ scratch }: LayerStaging) => join(scratch, 'outline');
