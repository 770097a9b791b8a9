/** What `doctor` shows to people. */
import { printable } from './printable.js';

interface Check {
  readonly title: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly fix?: string;
}

interface Change {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

export interface Report {
  readonly checks: readonly Check[];
  readonly summary: Readonly<Record<Check['status'], number>>;
  readonly fixed?: {
    readonly file?: string;
    readonly changed: readonly Change[];
    readonly refused: readonly (Change & { readonly reason: string })[];
    readonly freedIds?: readonly { readonly root: string; readonly zone: string; readonly base: number }[];
    readonly restoredPorts?: readonly string[];
  };
}

export function formatReport({ checks, summary, fixed }: Report): string {
  const lines = checks.flatMap(({ status, title, detail, fix }) => [
    `${status.padEnd(4)}  ${title}: ${detail}`,
    ...(fix === undefined ? [] : [`      fix: ${fix}`]),
  ]);
  const raised = (fixed?.changed ?? []).map(({ key, from, to }) => `raised ${key} from ${from} to ${to}`);
  const refused = (fixed?.refused ?? []).map(({ key, reason }) => `could not raise ${key} now: ${reason}`);
  const file = fixed?.file === undefined ? [] : [`wrote ${fixed.file}`];
  const freed = (fixed?.freedIds ?? []).map(
    ({ root, zone, base }) => `freed user ids ${base}… of zone "${zone}" of ${root}, which is gone`,
  );
  const restored = (fixed?.restoredPorts ?? []).map((zone) => `published the ports of zone "${zone}" again`);
  const sum = `${summary.ok} ok, ${summary.warn} warnings, ${summary.fail} failures`;
  return printable(
    [...lines, ...raised, ...refused, ...file, ...freed, ...restored, sum].map((line) => `${line}\n`).join(''),
  );
}
