/** One line on stderr that says how far a long step is: bytes, rate, time left. */
import { formatSize } from '../spec/quantities.js';
import { printable } from './printable.js';

export interface ProgressUpdate {
  readonly bytes: number;
  readonly totalBytes?: number | undefined;
  /** What is being done just now. */
  readonly message?: string | undefined;
}

export interface Progress extends Disposable {
  update(update: ProgressUpdate): void;
}

export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const firstShownAfterMs = 500;
const shownEveryMs = 100;
const clearLine = '\r\u001b[K';

/**
 * Shown only on a terminal, and only for what takes longer than half a second.
 *
 * @param now for tests: milliseconds
 */
export function createProgress(
  step: string,
  stream: ProgressStream,
  now: () => number = () => performance.now(),
): Progress {
  const startedAt = now();
  let shownAt: number | undefined;
  return {
    update(update) {
      if (stream.isTTY !== true || now() - startedAt < firstShownAfterMs) return;
      if (shownAt !== undefined && now() - shownAt < shownEveryMs) return;
      shownAt = now();
      const line = describeProgress(step, update, now() - startedAt);
      stream.write(`${clearLine}${line.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    [Symbol.dispose]() {
      if (shownAt !== undefined) stream.write(clearLine);
    },
  };
}

/** `importing debian: 120M of 300M (40 %), 35M/s, 5 s left`. */
export function describeProgress(
  step: string,
  { bytes, totalBytes, message }: ProgressUpdate,
  elapsedMs: number,
): string {
  const what = printable(message === undefined ? step : `${step}: ${message}`, { oneLine: true });
  if (bytes === 0) return `${what} …`;
  const bytesPerMs = elapsedMs > 0 ? bytes / elapsedMs : 0;
  const rate = bytesPerMs > 0 ? `, ${formatSize(Math.round(bytesPerMs * 1000))}/s` : '';
  if (totalBytes === undefined || totalBytes === 0) return `${what}: ${formatSize(bytes)}${rate}`;
  const percent = Math.min(100, Math.floor((bytes / totalBytes) * 100));
  const left = bytesPerMs > 0 ? `, ${Math.ceil(Math.max(0, totalBytes - bytes) / bytesPerMs / 1000)} s left` : '';
  return `${what}: ${formatSize(bytes)} of ${formatSize(totalBytes)} (${percent} %)${rate}${left}`;
}
