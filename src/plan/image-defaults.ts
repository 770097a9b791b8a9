/** What a zone has of its image where its spec says nothing. */
import type { ZoneSpec } from '../spec/index.js';
import type { ZoneRecord } from '../state/index.js';

type Given = Pick<ZoneRecord, 'spec' | 'image'>;

/** As Docker has it: a command of the user's are the arguments of the entrypoint, and another entrypoint has none of the image's. */
export function argvOf({ spec, image }: Given): string[] {
  const own = spec.entrypoint === undefined ? undefined : [spec.entrypoint].filter((word) => word !== '');
  const defaults = own === undefined ? (image.config.cmd ?? []) : [];
  return [...(own ?? image.config.entrypoint ?? []), ...(spec.command.length > 0 ? spec.command : defaults)];
}

/** What the image counts on, and need not have: its volumes, and where its command starts. A --workdir of the user's is never made. */
export function directoriesOf({ spec, image }: Given): string[] {
  const { volumes = [], workdir } = image.config;
  const mounted = new Set(tmpfsOf({ spec, image }).map(({ path }) => path));
  const wanted = [...volumes, ...(spec.workdir === undefined && workdir !== undefined ? [workdir] : [])];
  return [...new Set(wanted)].filter((path) => !mounted.has(path));
}

/** Of a read-only root, also what the image says that it writes to. */
export function tmpfsOf({ spec, image }: Given): ZoneSpec['tmpfs'] {
  if (!spec.readOnly) return spec.tmpfs;
  const taken = new Set([...spec.tmpfs.map(({ path }) => path), ...spec.mount.map(({ target }) => target)]);
  const volumes = (image.config.volumes ?? []).filter((path) => !taken.has(path));
  return [...spec.tmpfs, ...volumes.map((path) => ({ path, sizeBytes: undefined }))];
}
