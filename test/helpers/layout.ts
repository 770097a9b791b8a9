/** What a registry in memory has, as an OCI layout on disk. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FakeRegistry, sha256, types } from './fake-registry.js';

interface Index {
  readonly schemaVersion: 2;
  readonly manifests: readonly object[];
}

/** Added to what is in that directory, under each of these names. @returns the directory */
export function writeLayoutOf(
  registry: FakeRegistry,
  tag: string,
  directory: string,
  names: readonly string[],
): string {
  const content = registry.manifests.get(tag)?.content;
  if (content === undefined) throw new Error(`the registry has no "${tag}"`);
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  for (const [digest, bytes] of [...registry.blobs, [sha256(content), content] as const])
    writeFileSync(join(blobs, digest.slice(7)), bytes);
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const path = join(directory, 'index.json');
  const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Index).manifests : [];
  const entries = names.map((name) => ({
    mediaType: types.manifest,
    digest: sha256(content),
    size: content.length,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  writeFileSync(path, JSON.stringify({ schemaVersion: 2, manifests: [...before, ...entries] } satisfies Index));
  return directory;
}
