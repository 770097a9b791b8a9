/** `image pull`: an image from a registry. */
import { readEnvironment, readLoginFiles } from '../host/index.js';
import {
  findImage,
  type ImageManifest,
  lockImage,
  type OnProgress,
  requireRegistryReference,
} from '../images/index.js';
import { type ContentSource, type OciImage, parseArch, resolveImage } from '../images/oci/index.js';
import { openRegistry, readRegistrySettings } from '../images/registry/index.js';
import type { Roots } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { type LimitOptions, limitsOfImage } from './image-limits.js';
import { hasLayers } from './image-store.js';
import { storeOciImage } from './store-oci-image.js';

export interface ImagePullOptions extends LimitOptions {
  /** Debian's name or the image's own; this machine's if not given. */
  readonly arch?: string | undefined;
  /** Plain HTTP, or a certificate that is not trusted. Of this machine's own registries the former needs no leave. */
  readonly insecure?: boolean | undefined;
  /** Internal: a connection on which nothing comes for so long is given up. */
  readonly idleTimeoutMs?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const lockTimeoutMs = 3_600_000;

/**
 * Asks the registry what the name means now; layers that are here are not fetched again.
 *
 * @throws USAGE_BAD_ARGUMENT · IMAGE_NOT_FOUND · IMAGE_PLATFORM_MISSING · IMAGE_MANIFEST_INVALID · IMAGE_DIGEST_MISMATCH ·
 * IMAGE_TOO_LARGE · IMAGE_ARCHIVE_INVALID · REGISTRY_UNREACHABLE · REGISTRY_AUTH_FAILED · REGISTRY_BAD_ANSWER · RESOURCE_DISK_FULL
 */
export async function imagePull(
  host: HostContext,
  text: string,
  options: ImagePullOptions = {},
): Promise<ImageManifest> {
  const { roots } = host;
  const { progress, signal } = options;
  signal?.throwIfAborted();
  const { name } = requireRegistryReference(text);
  await using _lock = await lockImage(roots, name, { timeoutMs: lockTimeoutMs, signal });
  const { content, image, known } = await findRemote(roots, text, options);
  if (known !== undefined) return known;
  const source = { kind: 'registry', reference: text, digest: image.digest } as const;
  const limits = limitsOfImage(options);
  return await storeOciImage(roots, { name, image, content, isRemote: true, source, limits, progress, signal });
}

/** What the registry says that the name is now; `known`: all of it is here already. */
export async function findRemote(
  roots: Roots,
  text: string,
  options: ImagePullOptions,
): Promise<{ readonly content: ContentSource; readonly image: OciImage; readonly known?: ImageManifest | undefined }> {
  const { insecure = false, signal, idleTimeoutMs } = options;
  const reference = requireRegistryReference(text);
  const arch = options.arch === undefined ? undefined : parseArch(options.arch);
  const content = await openRegistry(reference, {
    settings: await readRegistrySettings(roots),
    insecure,
    proxies: readEnvironment().proxies,
    loginFiles: readLoginFiles(),
    idleTimeoutMs,
    signal,
  });
  const image = await resolveImage(content, await content.readFirst(signal), { arch, signal });
  const found = await findImage(roots, reference.name);
  const isSame = found?.source.kind === 'registry' && found.source.digest === image.digest;
  const isWhole = isSame && (await hasLayers(roots, found));
  return { content, image, ...(isWhole ? { known: found } : {}) };
}
