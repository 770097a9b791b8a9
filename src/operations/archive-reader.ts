/** An export being read: the manifest first, and then, when the caller has judged it, the rest to where the caller says. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { zoneError } from '../errors/index.js';
import type { ToolProcess } from '../helper/index.js';
import { isErrno } from '../state/index.js';
import {
  type ArchiveSummary,
  archiveError,
  type OnArchiveProgress,
  startArchiveTool,
  ToolTalk,
  throughOptions,
  zstdPath,
} from './archive-tool.js';
import { manifestName } from './export-manifest.js';

export interface UnpackRest {
  /** The unpacker's: parts, bounds, what to leave out. */
  readonly options: readonly string[];
  readonly progress?: OnArchiveProgress | undefined;
  readonly totalBytes: number;
}

export interface ArchiveReader extends AsyncDisposable {
  readonly manifest: string;
  /** Once. @throws EXPORT_INVALID, RESOURCE_DISK_FULL, KERNEL_STEP_FAILED, HELPER_DIED; the signal's reason */
  unpack(rest: UnpackRest): Promise<ArchiveSummary>;
}

/**
 * @param source a path, a descriptor of this process, or a stream of an archive that is not compressed
 * @throws PATH_NOT_FOUND, EXPORT_INVALID, HOST_TOOL_MISSING
 */
export async function openArchive(source: string | number | Readable, signal?: AbortSignal): Promise<ArchiveReader> {
  if (typeof source === 'object') return openStream(source, signal);
  const file = typeof source === 'string' ? await openFile(source) : undefined;
  try {
    const through = throughOptions([zstdPath(), '-dcfq']);
    const tool = startArchiveTool('unpack', ['--first', manifestName, '--nobody', ...through], {
      stdin: file?.fd ?? (source as number),
      stdout: 'pipe',
      control: true,
      signal,
    });
    return await Reader.begin(tool, signal);
  } finally {
    await file?.close();
  }
}

/** A stream that fails ends early, and what is cut off is refused. */
async function openStream(source: Readable, signal: AbortSignal | undefined): Promise<ArchiveReader> {
  const streams = { stdin: 'pipe', stdout: 'pipe', control: true, signal } as const;
  const tool = startArchiveTool('unpack', ['--first', manifestName], streams);
  pipeline(source, tool.stdin as Writable).catch(() => undefined);
  return Reader.begin(tool, signal);
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r');
    if (!(await file.stat()).isDirectory()) return file;
    await file.close();
  } catch (cause) {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause;
    throw zoneError('PATH_NOT_FOUND', `"${path}" does not exist`, {
      hint: 'Give a file that "tszone export" has written, or "-" for standard input.',
      context: { path },
      cause,
    });
  }
  throw zoneError('EXPORT_INVALID', `"${path}" is a directory, not an exported zone`, {
    hint: 'Give a file that "tszone export" has written, or "-" for standard input.',
    context: { path },
  });
}

type Chunks = AsyncIterator<Buffer>;

class Reader implements ArchiveReader {
  readonly manifest: string;
  readonly #tool: ToolProcess;
  readonly #chunks: Chunks;
  readonly #left: Buffer;
  readonly #errors: ErrorTalk;
  readonly #signal: AbortSignal | undefined;

  private constructor(parts: {
    readonly manifest: string;
    readonly tool: ToolProcess;
    readonly chunks: Chunks;
    readonly left: Buffer;
    readonly errors: ErrorTalk;
    readonly signal: AbortSignal | undefined;
  }) {
    this.manifest = parts.manifest;
    this.#tool = parts.tool;
    this.#chunks = parts.chunks;
    this.#left = parts.left;
    this.#errors = parts.errors;
    this.#signal = parts.signal;
  }

  static async begin(tool: ToolProcess, signal: AbortSignal | undefined): Promise<Reader> {
    const errors = new ErrorTalk(tool);
    tool.control?.on('error', () => undefined);
    const chunks: Chunks = (tool.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    const read = await readManifest(chunks);
    if (read !== undefined) return new Reader({ ...read, tool, chunks, errors, signal });
    const status = await tool.exited;
    signal?.throwIfAborted();
    throw archiveError(await errors.heard(), status, 'import', full);
  }

  async unpack({ options, progress, totalBytes }: UnpackRest): Promise<ArchiveSummary> {
    const show = progress === undefined ? [] : ['--progress'];
    this.#tool.control?.end([...options, ...show].map((word) => `${word}\0`).join(''));
    const talk = new ToolTalk(progress, totalBytes);
    const [, status] = await Promise.all([talk.listen(rest(this.#left, this.#chunks)), this.#tool.exited]);
    this.#signal?.throwIfAborted();
    if (status !== 0 || talk.summary === undefined)
      throw archiveError(await this.#errors.heard(), status, 'import', full);
    return talk.summary;
  }

  /** What has not been let go ends with its control. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tool.kill();
    this.#tool.control?.destroy();
    await Promise.allSettled([this.#chunks.return?.(), this.#tool.exited]);
  }
}

/** stderr is listened to from the start: a pipe that is full would hold the tool up. */
class ErrorTalk {
  readonly #talk = new ToolTalk();
  readonly #ended: Promise<void>;

  constructor(tool: ToolProcess) {
    this.#ended = this.#talk.listen(tool.stderr);
    this.#ended.catch(() => undefined);
  }

  async heard(): Promise<ToolTalk> {
    await this.#ended;
    return this.#talk;
  }
}

async function* rest(left: Buffer, chunks: Chunks): AsyncGenerator<Buffer> {
  yield left;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
}

/** A line with the size, and so many bytes. */
async function readManifest(chunks: Chunks): Promise<{ readonly manifest: string; readonly left: Buffer } | undefined> {
  let text = Buffer.alloc(0);
  for (;;) {
    const end = text.indexOf('\n');
    const start = end + 1;
    const size = end < 0 ? Number.NaN : Number(text.subarray(0, end).toString());
    if (text.length >= start + size)
      return { manifest: text.subarray(start, start + size).toString(), left: text.subarray(start + size) };
    const next = await chunks.next();
    if (next.done === true) return undefined;
    text = Buffer.concat([text, next.value]);
  }
}

const full = {
  message: 'no space left for the zone',
  hint: 'Free space on the file system of the root (tszone doctor), or use another --root.',
};
