/**
 * What is known of the archive that a layer was unpacked from: `images/outlines/sha256-<hex>.json`, and beside it, if the archive
 * can be made again from the layer's files, all of it but their content (`native/unpack_outline.h`).
 */
import { join } from 'node:path';
import { readdir, rename, rm } from '../host/quick-fs.js';
import {
  isErrno,
  makeStateDirectory,
  type Roots,
  readJson,
  syncDirectory,
  type Versioned,
  writeJson,
} from '../state/index.js';

export interface LayerFacts {
  /** Of all files' content. */
  readonly sizeBytes: number;
  readonly entries: number;
  /** There is an outline. */
  readonly exact: boolean;
}

interface FactsFile extends Versioned, LayerFacts {
  readonly version: 1;
}

function outlinesDirectory({ root }: Roots): string {
  return join(root, 'images', 'outlines');
}

/** Whether or not it is there. */
export function outlinePath(roots: Roots, digest: string): string {
  return join(outlinesDirectory(roots), digest.replace(':', '-'));
}

/** Before the layer gets its name. @param outline a file that was synced, and goes to its place; what is made beside it goes with it */
export async function keepOutline(
  roots: Roots,
  digest: string,
  { facts, outline }: { readonly facts: LayerFacts; readonly outline: string },
): Promise<void> {
  await makeStateDirectory(outlinesDirectory(roots));
  if (facts.exact) await rename(outline, outlinePath(roots, digest));
  await writeJson<FactsFile>(`${outline}.json`, { version: 1, ...facts });
  await rename(`${outline}.json`, `${outlinePath(roots, digest)}.json`);
  await syncDirectory(outlinesDirectory(roots));
}

/** `undefined` of a layer that was made by an older tszone, or is none of an archive's. */
export async function readLayerFacts(roots: Roots, digest: string): Promise<LayerFacts | undefined> {
  return readJson<FactsFile>(`${outlinePath(roots, digest)}.json`, 1);
}

/** Not there is success. */
export async function removeOutline(roots: Roots, digest: string): Promise<void> {
  const path = outlinePath(roots, digest);
  await rm(`${path}.json`, { force: true });
  await rm(path, { force: true });
}

/** Of all outlines. */
export async function listOutlines(roots: Roots): Promise<string[]> {
  const names = await readdir(outlinesDirectory(roots)).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const files = names.filter((name) => name.startsWith('sha256-')).map((name) => name.replace(/\.json$/, ''));
  return [...new Set(files)].map((name) => name.replace('-', ':'));
}
