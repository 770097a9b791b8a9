/** The packer and the unpacker at work on whole roots: their streams are the kernel's, node only listens to what they say. */
import type { Writable } from 'node:stream';
import { zoneError } from '../errors/index.js';
import type { StdioChoice, ToolProcess } from '../helper/index.js';
import { runTool } from '../helper/index.js';
import { requireTool } from '../host/index.js';

export interface ArchiveProgress {
  /** Of the archive, not compressed. */
  readonly bytes: number;
  /** About. */
  readonly totalBytes?: number | undefined;
}

export type OnArchiveProgress = (progress: ArchiveProgress) => void;

/** What it says when it has ended. */
export interface ArchiveSummary {
  readonly entries: number;
  readonly bytes: number;
  readonly skipped: number;
  /** pack: files that shrank while they were read. */
  readonly changed?: number;
  readonly skippedDevices?: number;
  readonly skippedXattrs?: number;
  readonly removedHostKeys?: number;
  /** Of which kinds, in which part: `rootfs/ed25519`. */
  readonly hostKeys?: readonly string[];
}

/** How much it is about to be. */
export type Counted = Pick<ArchiveSummary, 'entries' | 'bytes'>;

/** A header and on average half a block for each entry. */
const entryBytes = 1792;

/** About how long the archive will be. */
export const archiveBytes = ({ bytes, entries }: Counted): number => bytes + entries * entryBytes;

interface ArchiveFailure {
  readonly error: string;
  readonly entry: string;
  readonly errno: number;
}

/** @throws HOST_TOOL_MISSING */
export const zstdPath = (): string => requireTool({ tool: 'zstd', package: 'zstd' });

/** Each word of a program that the archive goes through. */
export function throughOptions(words: readonly string[]): string[] {
  return words.flatMap((word) => ['--through', word]);
}

export function startArchiveTool(
  mode: 'pack' | 'unpack',
  args: readonly string[],
  {
    stdin,
    stdout,
    control = false,
    signal,
  }: {
    readonly stdin: StdioChoice;
    readonly stdout: StdioChoice | Writable;
    /** unpack: further options come on descriptor 3. */
    readonly control?: boolean;
    readonly signal: AbortSignal | undefined;
  },
): ToolProcess {
  const options = { stdin, stdout, stderr: 'pipe', ...(control ? { control } : {}), signal } as const;
  return runTool(mode, ['--parent', String(process.pid), ...args], options);
}

/** Lines of JSON are the tool's, others those of the program in between. */
export class ToolTalk {
  summary: ArchiveSummary | undefined;
  failure: ArchiveFailure | undefined;
  readonly words: string[] = [];
  /** pack --count-first: called once, before anything is packed. */
  onCounted: ((counted: Counted) => void) | undefined;
  readonly #progress: OnArchiveProgress | undefined;
  #totalBytes: number | undefined;

  constructor(progress?: OnArchiveProgress, totalBytes?: number) {
    this.#progress = progress;
    this.#totalBytes = totalBytes;
  }

  async listen(stream: AsyncIterable<Buffer> | null): Promise<void> {
    let rest = '';
    for await (const chunk of stream ?? []) {
      const lines = (rest + String(chunk)).split('\n');
      rest = (lines.pop() ?? '').slice(-65_536);
      for (const line of lines) this.take(line);
    }
    this.take(rest);
  }

  take(line: string): void {
    if (line.trim() === '') return;
    const said = parseLine(line);
    if (said === undefined) this.words.push(line.slice(0, 1024));
    else if ('error' in said) this.failure ??= said;
    else if ('entries' in said) this.summary = said;
    else if ('countedBytes' in said) this.#takeCounted(said);
    else this.#progress?.({ bytes: said.bytes, totalBytes: this.#totalBytes });
  }

  #takeCounted({ countedEntries: entries, countedBytes: bytes }: CountedLine): void {
    this.#totalBytes = archiveBytes({ entries, bytes });
    this.onCounted?.({ entries, bytes });
  }
}

interface CountedLine {
  readonly countedEntries: number;
  readonly countedBytes: number;
}

function parseLine(
  line: string,
): ArchiveFailure | ArchiveSummary | CountedLine | { readonly bytes: number } | undefined {
  try {
    return JSON.parse(line) as ArchiveFailure | ArchiveSummary | CountedLine;
  } catch {
    return undefined;
  }
}

/** ENOSPC, EDQUOT. */
const fullErrnos = new Set([28, 122]);
/** EIO, ENOMEM, ENFILE, EMFILE, EROFS: not the archive's fault. */
const hostErrnos = new Set([5, 12, 23, 24, 30]);

/** 128 + SIGPIPE. */
const statusSigpipe = 141;

/** The other end of the pipe that an archive went into. */
export function readerGone(step: string, cause?: unknown): Error {
  return zoneError('KERNEL_STEP_FAILED', `the ${step} failed: whoever reads it has ended`, {
    hint: 'See what the command behind the pipe says, then repeat both.',
    context: { step, syscall: 'write', errno: 'EPIPE' },
    cause,
  });
}

/** Why a tool did not end well. @param full what to say if the disk is full */
export function archiveError(
  talk: Pick<ToolTalk, 'failure' | 'words'>,
  status: number,
  step: 'export' | 'import' | 'publish' | 'backup' | 'image export',
  full: { readonly message: string; readonly hint: string },
): Error {
  const { failure, words } = talk;
  const reason = failure?.error ?? words.at(-1) ?? `it ended with status ${status}`;
  const context = { step, reason, status, entry: failure?.entry, errno: failure?.errno, said: words.join('\n') };
  if (fullErrnos.has(failure?.errno ?? 0) || words.some((line) => /No space left|quota exceeded/i.test(line)))
    return zoneError('RESOURCE_DISK_FULL', full.message, { hint: full.hint, context });
  if (status === statusSigpipe && failure === undefined) return readerGone(step);
  if (failure === undefined && words.length === 0)
    return zoneError('HELPER_DIED', `the helper that does the ${step} ended with status ${status}`, {
      hint: 'Look into the kernel log (dmesg) for a process that was killed, then repeat the command.',
      context,
    });
  const where = failure?.entry === undefined || failure.entry === '' ? '' : ` (at "${failure.entry}")`;
  if (step === 'import' && !hostErrnos.has(failure?.errno ?? 0))
    return zoneError('EXPORT_INVALID', `the file cannot be imported: ${reason}${where}`, {
      hint: 'Check that it is whole and was written by "tszone export" (zstd -t FILE, tar -tf FILE).',
      context,
    });
  return zoneError('KERNEL_STEP_FAILED', `the ${step} failed: ${reason}${where}`, {
    hint: 'Check the file system and the kernel log (dmesg), then repeat the command.',
    context: { ...context, path: failure?.entry },
  });
}
