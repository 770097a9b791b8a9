/** A tar stream into a directory: node decompresses and hashes, a confined process writes. */
import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import { runTool } from '../helper/index.js';
import { isErrno } from '../state/index.js';
import { decompress } from './decompress.js';

export interface ImageProgress {
  /** Of the archive as it comes, read so far. */
  readonly bytes: number;
  readonly totalBytes?: number | undefined;
  /** What a builder says it is doing. */
  readonly message?: string | undefined;
}

/** What an archive that nobody vouches for may cost. */
export interface ArchiveLimits {
  /** Uncompressed. */
  readonly maxBytes: number;
  /** Of these, shared by the archives of one image: counted while they are read. */
  readonly spent: { bytes: number };
  /** Uncompressed to compressed, once it is large. */
  readonly maxRatio: number;
  readonly maxEntries: number;
}

export type OnProgress = (progress: ImageProgress) => void;

export interface UnpackOptions {
  readonly source: AsyncIterable<Buffer>;
  /** If known. */
  readonly totalBytes?: number | undefined;
  /** Absolute; exists. Nothing outside of it can be touched by what is in the archive. */
  readonly directory: string;
  readonly limits?: ArchiveLimits | undefined;
  /** A descriptor for what makes the archive again, together with the files (native/unpack_outline.h). */
  readonly outline?: number | undefined;
  readonly progress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Unpacked {
  /** sha256 of the uncompressed archive. */
  readonly digest: string;
  /** Written. */
  readonly sizeBytes: number;
  readonly entries: number;
  /** Left out: device nodes. */
  readonly skipped: number;
  /** The outline makes the archive again. */
  readonly exact: boolean;
}

/**
 * Unpacks, syncs, and leaves out what must not be in an image (machine-id, ssh host keys, device nodes).
 *
 * @throws IMAGE_ARCHIVE_INVALID, RESOURCE_DISK_FULL, KERNEL_STEP_FAILED, HOST_TOOL_MISSING; the signal's reason; what
 * `source` throws
 */
export async function unpackArchive(options: UnpackOptions): Promise<Unpacked> {
  const { source, directory, outline, limits, signal } = options;
  signal?.throwIfAborted();
  const helper = runTool('unpack', argumentsFor(options), {
    stdin: 'pipe',
    stdout: outline ?? 'pipe',
    stderr: 'pipe',
    signal,
  });
  if (helper.stdin === null || helper.stderr === null) throw new Error('no pipes');
  const hash = createHash('sha256');
  const meter = { compressed: 0 };
  const plain = limited(decompress(counted(options, meter), signal), limits, meter);
  const stopSource = () => {
    if (source instanceof Readable) source.destroy();
  };
  signal?.addEventListener('abort', stopSource, { once: true });
  const [piped, status, stdout, stderr] = await Promise.all([
    pipeline(plain, hashing(hash), helper.stdin).then(() => undefined, asError),
    helper.exited.finally(stopSource),
    helper.stdout === null ? '' : text(helper.stdout),
    text(helper.stderr),
  ]).finally(() => signal?.removeEventListener('abort', stopSource));
  signal?.throwIfAborted();
  // The pipe breaks when the helper gives up; any other error is why the helper saw the archive end too early.
  if (piped !== undefined && !isErrno(piped, ...brokenPipe)) throw piped;
  if (status !== 0) throw unpackError(parseFailure(stderr), status, directory);
  if (piped !== undefined) throw piped;
  const { entries, bytes, skipped, exact } = JSON.parse(outline === undefined ? stdout : stderr) as Summary;
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes: bytes, entries, skipped, exact };
}

interface Summary {
  readonly entries: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly exact: boolean;
}

function argumentsFor({ directory, outline, limits }: UnpackOptions): string[] {
  return [
    ...['--root', directory, '--whiteouts', '--scrub', '--sync'],
    ...(outline === undefined ? [] : ['--outline']),
    ...(limits === undefined ? [] : ['--max-entries', String(limits.maxEntries)]),
  ];
}

const brokenPipe = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'];

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function hashing(hash: { update(data: Buffer): unknown }): Transform {
  return new Transform({
    highWaterMark: 1 << 20,
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

/** Between two reports there are at least this many bytes. */
const reportBytes = 1 << 20;

async function* counted(
  { source, progress, totalBytes }: UnpackOptions,
  meter: { compressed: number },
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let reported = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    meter.compressed = bytes;
    if (bytes - reported >= reportBytes) {
      reported = bytes;
      progress?.({ bytes, totalBytes });
    }
    yield chunk;
  }
  progress?.({ bytes, totalBytes: totalBytes ?? bytes });
}

/** So much may come of any number of compressed bytes. */
const ratioFromBytes = 256 << 20;

/** @throws IMAGE_TOO_LARGE */
async function* limited(
  chunks: AsyncIterable<Buffer>,
  limits: ArchiveLimits | undefined,
  meter: { readonly compressed: number },
): AsyncGenerator<Buffer> {
  if (limits === undefined) {
    yield* chunks;
    return;
  }
  const { maxBytes, maxRatio, spent } = limits;
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    spent.bytes += chunk.length;
    if (spent.bytes > maxBytes) throw tooLarge(`has more than ${maxBytes} bytes`, { maxBytes });
    if (bytes > ratioFromBytes && bytes > meter.compressed * maxRatio) {
      throw tooLarge(`becomes more than ${maxRatio} times its size when it is unpacked`, { maxRatio, bytes });
    }
    yield chunk;
  }
}

function tooLarge(problem: string, context: object): Error {
  return zoneError('IMAGE_TOO_LARGE', `the archive ${problem}`, {
    hint: 'If it is to be trusted, say with --max-size (and --max-entries) how large it may be.',
    context: { ...context },
  });
}

interface UnpackFailure {
  readonly error: string;
  readonly entry: string;
  readonly errno: number;
}

function parseFailure(stderr: string): UnpackFailure | undefined {
  try {
    return JSON.parse(stderr) as UnpackFailure;
  } catch {
    // Killed, or died in a way that it could not report.
    return undefined;
  }
}

/** ENOSPC, EDQUOT. */
const fullErrnos = new Set([28, 122]);
/** EIO, ENOMEM, ENFILE, EMFILE, EROFS: not the archive's fault. */
const hostErrnos = new Set([5, 12, 23, 24, 30]);

function unpackError(failure: UnpackFailure | undefined, status: number, directory: string): Error {
  if (failure === undefined) {
    return zoneError('HELPER_DIED', `the unpacker ended with status ${status}`, {
      hint: 'Look into the kernel log (dmesg) for a process that was killed, then repeat the command.',
      context: { status, directory },
    });
  }
  const { error, entry, errno } = failure;
  const context = { entry, errno, directory, reason: error };
  if (error.includes('--max-entries')) return tooLarge('has more entries than it may have', context);
  if (fullErrnos.has(errno)) {
    return zoneError('RESOURCE_DISK_FULL', `no space left to unpack the image (at "${entry}")`, {
      hint: `Free space on the file system of "${directory}" (df "${directory}"), or use another --root.`,
      context,
    });
  }
  if (hostErrnos.has(errno) || error.startsWith('unshare') || error.startsWith('open the root')) {
    return zoneError('KERNEL_STEP_FAILED', `unpacking failed at "${entry}": ${error}`, {
      hint: 'Check the file system and the kernel log (dmesg), then repeat the command.',
      context: { ...context, step: 'unpack', path: entry },
    });
  }
  return zoneError(
    'IMAGE_ARCHIVE_INVALID',
    `the archive cannot be unpacked: ${error}${entry === '' ? '' : ` (at "${entry}")`}`,
    {
      hint: 'Check that it is a tar archive of a root file system (tar -tvf FILE), and that it is whole.',
      context,
    },
  );
}
