/** What the bench is doing, a line a step on stderr: tables and figures are stdout's. */

const began = performance.now();

export function progress(text: string): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  console.error(`bench: ${String(seconds).padStart(4)} s: ${text}`);
}
