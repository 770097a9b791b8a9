/** The images that there are: `images/index.json`, name → manifest. */
import { join } from 'node:path';
import { zoneError } from '../errors/index.js';
import { nearest } from '../spec/index.js';
import { acquireLock, type Roots, readJson, type Versioned, writeJson } from '../state/index.js';
import { checkManifest, type ImageManifest } from './manifest.js';

interface IndexFile extends Versioned {
  readonly version: 1;
  readonly images: Readonly<Record<string, unknown>>;
}

export type ImageTable = Readonly<Record<string, ImageManifest>>;

export function imagesDirectory(roots: Roots): string {
  return join(roots.root, 'images');
}

function indexPath(roots: Roots): string {
  return join(imagesDirectory(roots), 'index.json');
}

async function readTable(roots: Roots): Promise<ImageTable> {
  const path = indexPath(roots);
  const file = await readJson<IndexFile>(path, 1);
  if (file === undefined) return {};
  const known = checked.get(file);
  if (known !== undefined) return known;
  const entries = Object.entries(file.images);
  const table = Object.fromEntries(entries.map(([name, manifest]) => [name, checkManifest(manifest, path)]));
  checked.set(file, table);
  return table;
}

/** Where parsed files are kept, each is checked once. */
const checked = new WeakMap<IndexFile, ImageTable>();

/** Sorted by name. */
export async function listImages(roots: Roots): Promise<ImageManifest[]> {
  const table = await readTable(roots);
  return Object.values(table).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @param name in its one form, see `canonicalReference` */
export async function findImage(roots: Roots, name: string): Promise<ImageManifest | undefined> {
  return (await readTable(roots))[name];
}

/** @throws IMAGE_NOT_FOUND with the nearest name, also of `templates` */
export async function readImage(roots: Roots, name: string, templates: readonly string[] = []): Promise<ImageManifest> {
  const table = await readTable(roots);
  const image = table[name];
  if (image !== undefined) return image;
  const near = nearest(name, [...Object.keys(table), ...templates]);
  const look = 'See "tszone image list" for the images that there are, "tszone image import FILE" for others.';
  throw zoneError('IMAGE_NOT_FOUND', `image "${name}" does not exist`, {
    hint: near === undefined ? look : `Did you mean "${near}"? ${look}`,
    context: { image: name, ...(near === undefined ? {} : { nearest: near }) },
  });
}

/**
 * Holds the images still: no layer is removed meanwhile. Take it when a layer gets a new user (a zone's record), and
 * look again there whether the layer is still there.
 */
export async function withImagesLocked<T>(roots: Roots, work: () => Promise<T>): Promise<T> {
  await using _lock = await acquireLock(join(imagesDirectory(roots), 'lock'), { what: 'the image index' });
  return await work();
}

/** Call with the images locked. */
export async function changeImages(roots: Roots, change: (images: ImageTable) => ImageTable): Promise<ImageTable> {
  const images = change(await readTable(roots));
  await writeJson<IndexFile>(indexPath(roots), { version: 1, images });
  return images;
}
