/** What a zone remembers of its image. */
import type { ImageManifest } from '../images/index.js';
import type { ZoneImage } from '../state/index.js';

export function zoneImageOf({ name, kind, layers, arch, config }: ImageManifest): ZoneImage {
  const { cmd, env, user, workdir, init, limits, hostDirs } = config;
  return { name, kind, layers, arch, config: { cmd, env, user, workdir, init, limits, hostDirs } };
}
