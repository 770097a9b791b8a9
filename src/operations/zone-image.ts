/** What a zone remembers of its image. */
import type { ImageManifest } from '../images/index.js';
import type { ZoneImage } from '../state/index.js';

export function zoneImageOf({ name, kind, layers, arch, config }: ImageManifest): ZoneImage {
  const { entrypoint, cmd, env, user, workdir, init, stopSignal, volumes, limits, hostDirs, localLayer } = config;
  const kept = { entrypoint, cmd, env, user, workdir, init, stopSignal, volumes, limits, hostDirs, localLayer };
  return { name, kind, layers, arch, config: kept };
}
