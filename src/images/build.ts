/** What a builder gives back: an archive that is unpacked like any other, and what the manifest says of it. */
import type { UsrLayout } from '../host/index.js';
import type { ImageConfig, ImageManifest } from './manifest.js';
import type { OnProgress } from './unpack-archive.js';

export interface BuildContext {
  /** An empty directory for a builder's own files; removed by the caller. */
  readonly scratch: string;
  readonly usr: UsrLayout;
  readonly suite: string | undefined;
  readonly arch: string;
  /** debian: with what SUITE-updates and SUITE-security have. */
  readonly updates: boolean;
  /** archive: a file or an address, and its digest, instead of the template's. */
  readonly from?: string | undefined;
  readonly digest?: string | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BuiltArchive {
  /** Throws if the build fails, also after the last byte. */
  readonly archive: AsyncIterable<Buffer>;
  readonly kind: ImageManifest['kind'];
  readonly config: ImageConfig;
  readonly fingerprint?: string | undefined;
}
