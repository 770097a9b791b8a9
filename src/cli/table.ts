/** Columns aligned with spaces. */
import { printable } from './printable.js';

/** @param headers shown in capitals; none: no heading line */
export function formatTable(headers: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const heading =
    headers.length > 0 ? [headers.map((header) => header.replace(/([a-z])([A-Z])/g, '$1 $2').toUpperCase())] : [];
  const all = [...heading, ...rows.map((row) => row.map((cell) => printable(String(cell), { oneLine: true })))];
  const widths: number[] = [];
  for (const row of all)
    for (let at = 0; at < row.length; at += 1) widths[at] = Math.max(widths[at] ?? 0, row[at]?.length ?? 0);
  return all
    .map(
      (row) =>
        `${row
          .map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}
