/** Why a copy failed: from a tool's last word, which may come out of a zone, or from this side's file system. */
import { getSystemErrorName, stripVTControlCharacters } from 'node:util';
import { zoneError } from '../errors/index.js';
import { CopyRefusedError } from './copy-target.js';

export interface CopyInput {
  readonly zone: string;
  /** Absolute, or relative to the zone's `/`. */
  readonly zonePath: string;
  readonly hostPath: string;
}

export interface CopyFailure {
  readonly message: string;
  /** ENOENT, …; empty if there is none. */
  readonly errno: string;
}

/** PATH_NOT_FOUND, RESOURCE_DISK_FULL, else KERNEL_STEP_FAILED with step "cp". */
export function copyError({ message, errno }: CopyFailure, context: CopyInput, cause?: unknown): Error {
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return zoneError('PATH_NOT_FOUND', message, {
      hint: 'Check both paths; the directory of the destination has to exist.',
      context: { ...context },
      cause,
    });
  }
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return zoneError('RESOURCE_DISK_FULL', message, {
      hint: 'Free space at the destination, then repeat the command.',
      context: { ...context },
      cause,
    });
  }
  return zoneError('KERNEL_STEP_FAILED', message, {
    hint: 'Check both paths and their permissions.',
    context: { ...context, step: 'cp', errnoName: errno },
    cause,
  });
}

/** What the file system at the destination said, or `CopyRefusedError`; anything else is passed through. */
export function destinationError(error: unknown, context: CopyInput): unknown {
  if (error instanceof CopyRefusedError) return copyError({ message: plain(error.message), errno: '' }, context, error);
  if (!(error instanceof Error) || !('errno' in error) || !('code' in error)) return error;
  // "ENOENT: no such file or directory, open '/…'": the path is one of ours.
  const why = /^\w+: ([^,]+)/.exec(error.message)?.[1] ?? String(error.code);
  return copyError({ message: plain(`${context.hostPath}: ${why}`), errno: String(error.code) }, context, error);
}

/**
 * The tools' last word is one JSON line: {"error","entry","errno"}, errno a number. A zone's may be anything: each member
 * is checked, and nothing in it can drive a terminal.
 */
export function readReport(text: string): CopyFailure {
  const line = text.trim().split('\n').at(-1) ?? '';
  const { error, entry, errno } = membersOf(line);
  const what = plain(typeof error === 'string' && error !== '' ? error : 'the copy failed').toLowerCase();
  const where = typeof entry === 'string' ? plain(entry) : '';
  return { message: where === '' ? what : `${what}: "${where}"`, errno: nameOf(errno) };
}

function membersOf(line: string): { readonly error?: unknown; readonly entry?: unknown; readonly errno?: unknown } {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return { error: line };
  }
}

function nameOf(errno: unknown): string {
  const isErrno = typeof errno === 'number' && Number.isInteger(errno) && errno > 0 && errno < 4096;
  return isErrno ? getSystemErrorName(-errno) : '';
}

const maxShown = 1024;

/** One line without control characters and reordering marks. */
function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, ' ')
    .slice(0, maxShown);
}
