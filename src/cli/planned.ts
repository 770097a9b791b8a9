/** How --dry-run is shown. */
import { type Output, text } from './output.js';
import { printable } from './printable.js';

interface Planned {
  readonly operation: string;
  readonly name: string;
  readonly steps: readonly { readonly phase: string; readonly text: string }[];
}

/** One line a step; with -o json the plan itself. */
export function planned(plans: readonly Planned[]): Output {
  const lines = plans.flatMap(({ operation, name, steps }) => [
    `${operation} ${name}: ${countOf(steps)}`,
    ...steps.map((step) => `  ${step.phase.padEnd(7)}  ${printable(step.text, { oneLine: true })}`),
  ]);
  const [only] = plans;
  return text(lines.map((line) => `${line}\n`).join(''), plans.length === 1 ? only : plans);
}

function countOf({ length }: readonly unknown[]): string {
  return length === 0 ? 'nothing to do' : `${length} step${length === 1 ? '' : 's'}`;
}
