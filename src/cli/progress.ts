/** One line on stderr that says how far a long step is: bytes, rate, time left. */
import { formatSize } from '../spec/quantities.js';
import { printable } from './printable.js';

export interface ProgressUpdate {
  readonly step: string;
  readonly doneBytes?: number | undefined;
  readonly totalBytes?: number | undefined;
}

export interface Progress extends Disposable {
  update(update: ProgressUpdate): void;
}

const firstShownAfterMs = 500;
const shownEveryMs = 100;
const clearLine = '\r\u001b[K';

/** @param now for tests: milliseconds */
export function createProgress(
  stream: { readonly isTTY?: boolean; readonly columns?: number; write(text: string): unknown },
  quiet: boolean,
  now: () => number = () => performance.now(),
): Progress {
  const startedAt = now();
  let step: { name: string; startedAt: number } | undefined;
  let shownAt: number | undefined;
  const isOn = stream.isTTY === true && !quiet;
  return {
    update(update) {
      if (step?.name !== update.step) step = { name: update.step, startedAt: now() };
      if (!isOn || now() - startedAt < firstShownAfterMs) return;
      if (shownAt !== undefined && now() - shownAt < shownEveryMs) return;
      shownAt = now();
      const line = describeProgress(update, now() - step.startedAt);
      stream.write(`${clearLine}${line.slice(0, (stream.columns ?? 80) - 1)}`);
    },
    [Symbol.dispose]() {
      if (shownAt !== undefined) stream.write(clearLine);
    },
  };
}

/** `unpacking debian: 120M of 300M (40 %), 35M/s, 5 s left`. */
export function describeProgress({ step, doneBytes, totalBytes }: ProgressUpdate, elapsedMs: number): string {
  const name = printable(step, { oneLine: true });
  if (doneBytes === undefined) return `${name} …`;
  const bytesPerMs = elapsedMs > 0 ? doneBytes / elapsedMs : 0;
  const rate = bytesPerMs > 0 ? `, ${formatSize(Math.round(bytesPerMs * 1000))}/s` : '';
  if (totalBytes === undefined || totalBytes === 0) return `${name}: ${formatSize(doneBytes)}${rate}`;
  const percent = Math.min(100, Math.floor((doneBytes / totalBytes) * 100));
  const left = bytesPerMs > 0 ? `, ${Math.ceil((totalBytes - doneBytes) / bytesPerMs / 1000)} s left` : '';
  return `${name}: ${formatSize(doneBytes)} of ${formatSize(totalBytes)} (${percent} %)${rate}${left}`;
}
