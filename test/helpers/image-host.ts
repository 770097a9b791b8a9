/** A host of a test's own for images alone, and what is left of an operation on them. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect } from 'chai';
import type { ErrorCode, ZoneError } from '../../src/errors/index.js';
import { type HostContext, openHostContext } from '../../src/operations/host-context.js';
import { patientRemoval } from './patience.js';

export interface ImageHost extends Disposable {
  readonly directory: string;
  readonly context: HostContext;
  /** Files and directories of images, but for what is in layers and the index and its lock: `layers/sha256-…`. */
  files(): string[];
}

export async function imageHost(root?: string): Promise<ImageHost> {
  const directory = mkdtempSync(join(tmpdir(), 'tszone-images-'));
  const context = await openHostContext({ root: root ?? join(directory, 'root'), runRoot: join(directory, 'run') });
  const images = join(context.roots.root, 'images');
  return {
    directory,
    context,
    files: () => listed(images, images).toSorted(),
    [Symbol.dispose]: () => rmSync(directory, patientRemoval),
  };
}

function listed(images: string, directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    const name = relative(images, path);
    if (['index.json', 'lock'].includes(name)) return [];
    if (!entry.isDirectory() || /^layers\/./.test(name)) return [name];
    return listed(images, path);
  });
}

/** @returns the error, for more questions */
export async function failsWith(code: ErrorCode, promise: Promise<unknown>): Promise<ZoneError> {
  const error = await promise.then(
    () => new Error(`no error, but ${code} was expected`),
    (reason: unknown) => reason,
  );
  // Not by its class: what is loaded late may be another copy of the module here.
  if (!(error instanceof Error && 'code' in error)) throw error;
  expect(error.code, error.message).to.equal(code);
  expect((error as ZoneError).hint).to.be.a('string');
  return error as ZoneError;
}
