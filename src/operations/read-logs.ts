/** `logs`: what the zone's command wrote, from the monitor's files. */
import { createReadStream, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno, readRunning, readZone, zonePaths } from '../state/index.js';
import type { HostContext } from './host-context.js';

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
  const { log } = zonePaths(host.roots, name);
  const wanted = (line: LogLine) => isWithin(line, options);
  const past: LogLine[] = [];
  for (const path of [`${log}.2`, `${log}.1`]) for await (const line of linesOf(path, 0)) past.push(line.line);
  let offset = 0;
  for await (const { line, end } of linesOf(log, 0)) {
    past.push(line);
    offset = end;
  }
  const shown = past.filter(wanted);
  yield* options.tail === undefined ? shown : shown.slice(shown.length - Math.min(options.tail, shown.length));
  if (options.follow === true) yield* followLog(host, name, { log, offset, wanted, signal: options.signal });
}

interface Follow {
  readonly log: string;
  readonly offset: number;
  readonly wanted: (line: LogLine) => boolean;
  readonly signal: AbortSignal | undefined;
}

async function* followLog(
  host: HostContext,
  name: string,
  { log, wanted, signal, ...start }: Follow,
): AsyncGenerator<LogLine> {
  let offset = start.offset;
  for (;;) {
    const alive = (await readRunning(host.roots, name)) !== undefined;
    const size = await sizeOf(log);
    if (size < offset) offset = 0;
    for await (const { line, end } of linesOf(log, offset)) {
      offset = end;
      if (wanted(line)) yield line;
    }
    if (!alive || signal?.aborted === true) return;
    await changed(log, signal);
  }
}

/** inotify wakes us; the pause is for file systems and rotations that it misses. */
async function changed(log: string, signal: AbortSignal | undefined): Promise<void> {
  const stop = new AbortController();
  const all = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
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

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function* linesOf(path: string, start: number): AsyncGenerator<{ line: LogLine; end: number }> {
  const stream = createReadStream(path, { start, encoding: 'utf8' });
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  let end = start;
  try {
    for await (const text of lines) {
      end += Buffer.byteLength(text) + 1;
      const line = parseLogLine(text);
      if (line !== undefined) yield { line, end };
    }
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  } finally {
    stream.destroy();
  }
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
