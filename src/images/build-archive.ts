/** `archive`: a root file system as somebody else packed it, from a file or the network, taken only if its digest is the one that was said. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { zoneError } from '../errors/index.js';
import { isErrno } from '../state/index.js';
import type { BuildContext, BuiltArchive } from './build.js';
import { download } from './download.js';
import type { ArchiveTemplate } from './template.js';

/** @throws USAGE_BAD_ARGUMENT nobody said where it is, or what its digest is; the archive throws what the source does, and IMAGE_ARCHIVE_INVALID */
export async function buildArchive(template: ArchiveTemplate, context: BuildContext): Promise<BuiltArchive> {
  const { from, digest } = sourceOf(template, context);
  const source = isAddress(from) ? await download(from, context.signal) : fileAt(from);
  return {
    archive: digest === undefined ? source : verified(source, from, digest),
    kind: 'layers',
    config: template.config,
  };
}

type Asked = Pick<BuildContext, 'from' | 'digest'>;

function sourceOf(
  template: ArchiveTemplate,
  asked: Asked,
): { readonly from: string; readonly digest?: string | undefined } {
  const from = asked.from ?? template.url;
  const digest = asked.digest ?? (asked.from === undefined ? template.digest : undefined);
  if (from === undefined || (digest === undefined && isAddress(from))) throw unsaid(template.name, from);
  return { from, digest };
}

/** What can be said before it is read. @throws USAGE_BAD_ARGUMENT, PATH_NOT_FOUND */
export async function checkArchive(template: ArchiveTemplate, asked: Asked): Promise<void> {
  const { from } = sourceOf(template, asked);
  if (isAddress(from)) return;
  await stat(from).catch((cause: unknown) => {
    throw isErrno(cause, 'ENOENT', 'ENOTDIR') ? noArchive(from, cause) : cause;
  });
}

const isAddress = (from: string) => /^https?:\/\//.test(from);

async function* fileAt(path: string): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) yield chunk as Buffer;
  } catch (cause) {
    throw isErrno(cause, 'ENOENT', 'ENOTDIR') ? noArchive(path, cause) : cause;
  }
}

function noArchive(path: string, cause: unknown): Error {
  return zoneError('PATH_NOT_FOUND', `archive "${path}" does not exist`, {
    hint: 'Give the path or the address of a tar archive with --from.',
    context: { path },
    cause,
  });
}

/** The last bytes are held back until all is known to be right: nothing that is wrong is ever unpacked to its end. */
async function* verified(source: AsyncIterable<Buffer>, from: string, digest: string): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let held: Buffer | undefined;
  for await (const chunk of source) {
    hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== digest) {
    throw zoneError(
      'IMAGE_ARCHIVE_INVALID',
      `"${from}" is not the archive that was asked for: its digest is ${found}`,
      {
        hint: `Expected was ${digest}. Get the archive again, or correct the digest if you trust this one.`,
        context: { from, digest: found, expected: digest },
      },
    );
  }
  if (held !== undefined) yield held;
}

function unsaid(name: string, from: string | undefined): Error {
  const what = from === undefined ? 'where the archive is' : `the digest of "${from}"`;
  return zoneError('USAGE_BAD_ARGUMENT', `template "${name}" does not say ${what}`, {
    hint:
      from === undefined
        ? `Run "tszone image build ${name} --from FILE", or --from URL --digest sha256:….`
        : 'Pass --digest sha256:…, as the publisher of the archive states it.',
    context: { template: name, from },
  });
}
