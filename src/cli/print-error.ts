/** The only place that prints an error and picks the exit status. Always on stderr: stdout belongs to the data. */
import { type ErrorCode, ZoneError, zoneError } from '../errors/index.js';
import type { OutputFormat } from './flags.js';
import { printable } from './printable.js';

/** Anything that was thrown as one of ours. */
export function asZoneError(error: unknown): ZoneError {
  if (error instanceof ZoneError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return zoneError('INTERNAL', message.split('\n')[0] ?? 'unknown', {
    hint: 'This is a bug: please report it, with all that is printed here.',
    cause: error,
    context: error instanceof Error ? { stack: error.stack, ...('code' in error ? { code: error.code } : {}) } : {},
  });
}

export interface ErrorStyle {
  readonly format: OutputFormat;
  /** What the process ends with. */
  readonly exitStatus: number;
  /** Show the stack, too. That of a bug is always shown: it may not come again. */
  readonly debug: boolean;
  /** Bold red on a terminal. */
  readonly color: boolean;
}

/** The lines for stderr. */
export function formatError(error: ZoneError, { format, exitStatus, debug, color }: ErrorStyle): string {
  if (format === 'json' || format === 'jsonl')
    return `${JSON.stringify({ error: { ...error.toJSON().error, exitStatus } })}\n`;
  const label = (word: string) => (color ? `\u001b[1;31m${word}:\u001b[0m` : `${word}:`);
  const hint = error.hint === undefined ? '' : `hint: ${printable(error.hint)}\n`;
  const stack = debug || error.code === 'INTERNAL' ? `${stackOf(error)}\n` : '';
  return `${label('error')} ${printable(error.message)}\n${hint}${stack}`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? String(error);
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}

/** Kernel errnos that mean "the disk is full", whichever step hit them. */
const fullErrnos = ['ENOSPC', 'EDQUOT'];

/** The kind's own; for verbs whose status is a command's: 127 it was not found, 126 it cannot be executed, else 125. */
export function exitStatusOf(error: ZoneError, passesStatus: boolean): number {
  if (!passesStatus) return error.exitStatus;
  const { step, status } = error.context;
  return step === 'exec.path' && (status === 126 || status === 127) ? status : 125;
}

/** `exec ZONE -u USER …`: what was not found as a command was meant as an option. */
export function withOptionHint(error: ZoneError): ZoneError {
  const { step, status, path } = error.context;
  if (step !== 'exec.path' || status !== 127 || !String(path).startsWith('-')) return error;
  return zoneError(error.code as ErrorCode, error.message, {
    hint: `Options go before the name of the zone (or, with run, of the image): tszone exec ${path} … ZONE -- COMMAND`,
    context: error.context,
    cause: error.cause,
  });
}

/** A file system that is full is the user's to solve, never a bug of ours. */
export function refine(error: unknown): unknown {
  if (error instanceof ZoneError || !(error instanceof Error) || !('code' in error)) return error;
  const { code } = error;
  const path = 'path' in error ? String(error.path) : undefined;
  const where = path === undefined ? '' : ` at "${path}"`;
  if (fullErrnos.includes(String(code))) {
    return zoneError('RESOURCE_DISK_FULL', `no space is left${where}`, {
      hint: 'Free some space there, or move the data with --root DIR.',
      cause: error,
      context: { errno: code, path },
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return zoneError('NOT_ROOT', `not permitted${where}`, {
      hint: 'Run it as root, for example with sudo.',
      cause: error,
      context: { errno: code, path },
    });
  }
  return error;
}
