/** A tar stream into a directory: node decompresses, a confined process writes and, where the processor can do that, hashes. */
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { runTool, type StdioChoice, type ToolProcess } from '../helper/index.js';
import { hasHashInstructions } from '../host/index.js';
import { isErrno } from '../state/index.js';
import { damaged, decompress } from './decompress.js';
import { type ArchiveSource, type FileArchive, isFileArchive, readBytes } from './file-archive.js';
import { parseFailure, tooLarge, unpackError } from './unpack-error.js';

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
  readonly source: ArchiveSource;
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
  const { source, signal } = options;
  signal?.throwIfAborted();
  return isFileArchive(source) ? unpackFile(options, source) : unpackStream(options, source);
}

/** Its bytes are read once, by the helper, which hashes what it writes. */
async function unpackFile(options: UnpackOptions, archive: FileArchive): Promise<Unpacked> {
  const { limits, progress, totalBytes = archive.sizeBytes, signal } = options;
  const most = limits === undefined ? [] : ['--max-bytes', String(limits.maxBytes - limits.spent.bytes)];
  if (archive.compression === 'none' && limits !== undefined) takeBytes(limits, archive.sizeBytes);
  const through = archive.through.flatMap((word) => ['--through', word]);
  const needsProgress = progress !== undefined || (limits !== undefined && through.length > 0);
  const show = needsProgress ? ['--progress'] : [];
  const helper = startUnpacker(options, archive.fd, ['--digest', ...show, ...most, '--nobody', ...through]);
  const take = meterOf(archive, limits);
  let tooMuch: unknown;
  const onBytes = (bytes: number) => {
    try {
      take(bytes);
    } catch (error) {
      tooMuch ??= error;
      helper.kill();
    }
    progress?.({ bytes: archive.compression === 'none' ? bytes : readBytes(archive), totalBytes });
  };
  const [status, said] = await Promise.all([helper.exited, lastSaid(helper, onBytes)]);
  signal?.throwIfAborted();
  if (tooMuch !== undefined) throw tooMuch;
  if (status !== 0 && isCutOff(archive, said)) throw damaged(archive.compression, new Error(said));
  const unpacked = resultOf(options, status, said);
  progress?.({ bytes: archive.sizeBytes, totalBytes });
  return unpacked;
}

/** Counts what comes out of what is compressed, as far as it has come. */
function meterOf(archive: FileArchive, limits: ArchiveLimits | undefined): (bytes: number) => void {
  if (limits === undefined || archive.compression === 'none') return () => undefined;
  let seen = 0;
  return (bytes) => {
    takeBytes(limits, bytes - seen);
    seen = bytes;
    checkRatio(limits, bytes, readBytes(archive));
  };
}

/** The program in between fails where the archive is damaged, and says nothing after its end where it is cut off. */
function isCutOff({ compression }: FileArchive, said: string): boolean {
  const error = parseFailure(said)?.error ?? '';
  return compression !== 'none' && /truncated|program in between/.test(error);
}

async function unpackStream(options: UnpackOptions, source: AsyncIterable<Buffer>): Promise<Unpacked> {
  const { limits, signal } = options;
  const hash = (await hasHashInstructions()) ? undefined : createHash('sha256');
  const helper = startUnpacker(options, 'pipe', hash === undefined ? ['--digest'] : []);
  const { stdin } = helper;
  if (stdin === null) throw new Error('no pipe');
  const meter = { compressed: 0 };
  const plain = limited(decompress(counted(source, options, meter), signal), limits, meter);
  const stopSource = () => {
    if (source instanceof Readable) source.destroy();
  };
  signal?.addEventListener('abort', stopSource, { once: true });
  const feeding = hash === undefined ? pipeline(plain, stdin) : pipeline(plain, hashing(hash), stdin);
  const [piped, status, said] = await Promise.all([
    feeding.then(() => undefined, asError),
    helper.exited.finally(stopSource),
    lastSaid(helper),
  ]).finally(() => signal?.removeEventListener('abort', stopSource));
  signal?.throwIfAborted();
  // The pipe breaks when the helper gives up; any other error is why the helper saw the archive end too early.
  if (piped !== undefined && !isErrno(piped, ...brokenPipe)) throw piped;
  const unpacked = resultOf(options, status, said, hash?.digest('hex'));
  if (piped !== undefined) throw piped;
  return unpacked;
}

function startUnpacker(
  { directory, outline, limits, signal }: UnpackOptions,
  stdin: StdioChoice,
  more: readonly string[],
): ToolProcess {
  const args = [
    // Of a file it would go on to the end: nobody closes its input when we die.
    ...['--parent', String(process.pid), '--root', directory, '--whiteouts', '--scrub', '--sync'],
    ...(outline === undefined ? [] : ['--outline']),
    ...(limits === undefined ? [] : ['--max-entries', String(limits.maxEntries)]),
    ...more,
  ];
  return runTool('unpack', args, { stdin, stdout: outline ?? 'pipe', stderr: 'pipe', signal });
}

/** The first that it says but how far it is. What is no JSON is said by a program in between. */
async function lastSaid({ stdout, stderr }: ToolProcess, onBytes?: (bytes: number) => void): Promise<string> {
  const lines = async (stream: Readable | null) => {
    const other: string[] = [];
    for await (const line of stream === null ? [] : createInterface({ input: stream })) {
      const bytes = /^\{"bytes":(\d+)\}$/.exec(line)?.[1];
      if (bytes !== undefined) onBytes?.(Number(bytes));
      else if (line.startsWith('{')) other.push(line);
    }
    return other[0] ?? '';
  };
  const [out, err] = await Promise.all([lines(stdout), lines(stderr)]);
  return err === '' ? out : err;
}

function resultOf({ directory }: UnpackOptions, status: number, said: string, hashed?: string): Unpacked {
  if (status !== 0) throw unpackError(said, status, directory);
  const { entries, bytes, skipped, exact, digest = hashed } = JSON.parse(said) as Summary;
  return { digest: `sha256:${digest}`, sizeBytes: bytes, entries, skipped, exact };
}

interface Summary {
  readonly entries: number;
  readonly bytes: number;
  readonly skipped: number;
  readonly exact: boolean;
  readonly digest?: string;
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
  source: AsyncIterable<Buffer>,
  { progress, totalBytes }: UnpackOptions,
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

/** @throws IMAGE_TOO_LARGE */
function takeBytes({ maxBytes, spent }: ArchiveLimits, count: number): void {
  spent.bytes += count;
  if (spent.bytes > maxBytes) throw tooLarge(`has more than ${maxBytes} bytes`, { maxBytes });
}

/** So much may come of any number of compressed bytes. */
const ratioFromBytes = 256 << 20;

/** @throws IMAGE_TOO_LARGE */
function checkRatio({ maxRatio }: ArchiveLimits, bytes: number, compressed: number): void {
  if (bytes <= ratioFromBytes || bytes <= compressed * maxRatio) return;
  throw tooLarge(`becomes more than ${maxRatio} times its size when it is unpacked`, { maxRatio, bytes });
}

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
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    takeBytes(limits, chunk.length);
    checkRatio(limits, bytes, meter.compressed);
    yield chunk;
  }
}
