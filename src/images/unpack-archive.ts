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

export type OnProgress = (progress: ImageProgress) => void;

export interface UnpackOptions {
  readonly source: AsyncIterable<Buffer>;
  /** If known. */
  readonly totalBytes?: number | undefined;
  /** Absolute; exists. Nothing outside of it can be touched by what is in the archive. */
  readonly directory: string;
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
}

/**
 * Unpacks, syncs, and leaves out what must not be in an image (machine-id, ssh host keys, device nodes).
 *
 * @throws IMAGE_ARCHIVE_INVALID, RESOURCE_DISK_FULL, KERNEL_STEP_FAILED, HOST_TOOL_MISSING; the signal's reason; what
 * `source` throws
 */
export async function unpackArchive(options: UnpackOptions): Promise<Unpacked> {
  const { source, directory, signal } = options;
  signal?.throwIfAborted();
  const args = ['--root', directory, '--scrub', '--sync'];
  const helper = runTool('unpack', args, { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe', signal });
  if (helper.stdin === null || helper.stdout === null || helper.stderr === null) throw new Error('no pipes');
  const hash = createHash('sha256');
  const plain = decompress(counted(options), signal);
  const stopSource = () => {
    if (source instanceof Readable) source.destroy();
  };
  signal?.addEventListener('abort', stopSource, { once: true });
  const [piped, status, stdout, stderr] = await Promise.all([
    pipeline(plain, hashing(hash), helper.stdin).then(() => undefined, asError),
    helper.exited.finally(stopSource),
    text(helper.stdout),
    text(helper.stderr),
  ]).finally(() => signal?.removeEventListener('abort', stopSource));
  signal?.throwIfAborted();
  // The pipe breaks when the helper gives up; any other error is why the helper saw the archive end too early.
  if (piped !== undefined && !isErrno(piped, ...brokenPipe)) throw piped;
  if (status !== 0) throw unpackError(parseFailure(stderr), status, directory);
  if (piped !== undefined) throw piped;
  const summary = JSON.parse(stdout) as { readonly entries: number; readonly bytes: number; readonly skipped: number };
  const { entries, bytes: sizeBytes, skipped } = summary;
  return { digest: `sha256:${hash.digest('hex')}`, sizeBytes, entries, skipped };
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

async function* counted({ source, progress, totalBytes }: UnpackOptions): AsyncGenerator<Buffer> {
  let bytes = 0;
  let reported = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes - reported >= reportBytes) {
      reported = bytes;
      progress?.({ bytes, totalBytes });
    }
    yield chunk;
  }
  progress?.({ bytes, totalBytes: totalBytes ?? bytes });
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
