/** `logs`: what the zone's command wrote, from the monitor's files. */
import { watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { anySignal } from '../host/index.js';
import { readRunning, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';
import { type LogFile, openLogFiles, openSuccessors } from './log-files.js';
import { isMonitorAlive } from './running-state.js';

export interface LogLine {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr' | 'console';
  readonly text: string;
}

export interface LogOptions {
  /** Only the last so many. */
  readonly tail?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Go on until the zone has ended or `signal` says so. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Oldest first. @throws ZONE_NOT_FOUND */
export async function* readLogs(host: HostContext, name: string, options: LogOptions = {}): AsyncGenerator<LogLine> {
  await readZone(host.roots, name);
  const { log, monitorLock } = zonePaths(host.roots, name);
  // The monitor writes what the zone said last when the zone has ended already.
  const isAlive = async () =>
    (await readRunning(host.roots, name)) !== undefined || (await isMonitorAlive(monitorLock));
  yield* readLogFiles(log, isAlive, options);
}

/** The same of files, whoever writes them as long as `isAlive` says so. */
export async function* readLogFiles(
  log: string,
  isAlive: () => Promise<boolean>,
  options: LogOptions = {},
): AsyncGenerator<LogLine> {
  const wanted = (line: LogLine) => isWithin(line, options);
  const files = await openLogFiles(log);
  try {
    const isFollowed = options.follow === true;
    const shown: LogLine[] = [];
    for (const file of files) {
      const isOpen = isFollowed && file === files.at(-1);
      for await (const line of parsed(isOpen ? file.newLines() : file.lastLines(), wanted)) shown.push(line);
    }
    yield* options.tail === undefined ? shown : shown.slice(shown.length - Math.min(options.tail, shown.length));
    if (isFollowed) yield* followLog(files, { log, wanted, isAlive, signal: options.signal });
  } finally {
    for (const file of files) await file[Symbol.asyncDispose]();
  }
}

interface Follow {
  readonly log: string;
  readonly wanted: (line: LogLine) => boolean;
  readonly isAlive: () => Promise<boolean>;
  readonly signal: AbortSignal | undefined;
}

/** The last of `files` is read on; what is begun after it is added to them. */
async function* followLog(files: LogFile[], { log, wanted, isAlive, signal }: Follow): AsyncGenerator<LogLine> {
  for (;;) {
    const alive = await isAlive();
    yield* parsed(unread(files, log), wanted);
    if (!alive) {
      yield* parsed(files.at(-1)?.lastLines() ?? [], wanted);
      return;
    }
    if (signal?.aborted === true) return;
    await changed(log, signal);
  }
}

/** A file is finished before the next one is begun: what was renamed is not written any more. */
async function* unread(files: LogFile[], log: string): AsyncGenerator<string> {
  const current = files.at(-1);
  yield* current?.newLines() ?? [];
  const successors = await openSuccessors(log, current);
  if (successors.length === 0) return;
  files.push(...successors);
  yield* current?.lastLines() ?? [];
  for (const file of successors) yield* file === successors.at(-1) ? file.newLines() : file.lastLines();
  for (const file of files.splice(0, files.length - 1)) await file[Symbol.asyncDispose]();
}

async function* parsed(
  lines: AsyncIterable<string> | Iterable<string>,
  wanted: (line: LogLine) => boolean,
): AsyncGenerator<LogLine> {
  for await (const text of lines) {
    const line = parseLogLine(text);
    if (line !== undefined && wanted(line)) yield line;
  }
}

/** inotify wakes us; the pause is for file systems and rotations that it misses. */
async function changed(log: string, signal: AbortSignal | undefined): Promise<void> {
  const stop = new AbortController();
  const all = anySignal([stop.signal, signal]);
  const woken = new Promise<void>((resolve) => {
    try {
      watch(log, { signal: all }, () => resolve()).on('error', () => resolve());
    } catch {
      // No inotify instance is left, or the file is just being rotated: the pause below does.
    }
  });
  await Promise.race([woken, sleep(500, undefined, { signal: all }).catch(() => {})]);
  stop.abort();
}

/** `2026-01-02T03:04:05.678Z stdout text`; anything else is not a line of ours. */
export function parseLogLine(text: string): LogLine | undefined {
  const match = /^(\S+Z) (stdout|stderr|console) ?(.*)$/s.exec(text);
  if (match === null) return undefined;
  return { time: match[1] ?? '', stream: match[2] as LogLine['stream'], text: match[3] ?? '' };
}

function isWithin({ time }: LogLine, { sinceMs, untilMs }: LogOptions): boolean {
  const at = Date.parse(time);
  return at >= (sinceMs ?? Number.NEGATIVE_INFINITY) && at <= (untilMs ?? Number.POSITIVE_INFINITY);
}
