/** docs/reference/seccomp.md: what the default filter does with each call. */
import { architectures, numbersOf } from '../src/seccomp/architectures.js';
import { absentCalls, allowedCalls, conditionalCalls, refusedCalls } from '../src/seccomp/default-calls.js';
import type { Architecture } from '../src/seccomp/policy.js';

export function seccompReference(): string {
  return [
    '<!-- Made by `npm run docs` from src/seccomp/default-calls.ts: edit that. -->\n',
    '# The default seccomp filter\n',
    'Why, and by what arguments: [security.md](../internals/security.md). A profile instead of it: [the guide](../guides/seccomp.md).\n',
    section('By their arguments', conditionalCalls),
    section('Refused with EPERM', refusedCalls),
    section('Refused with ENOSYS, as is every call that is not on this page', absentCalls),
    section('Allowed', allowedCalls),
  ].join('\n');
}

function section(title: string, names: readonly string[]): string {
  const counts = (Object.keys(architectures) as Architecture[]).map(
    (architecture) => `${names.filter((name) => numbersOf(architecture).has(name)).length} on ${architecture}`,
  );
  const sorted = [...names].sort().map((name) => `\`${name}\``);
  return `## ${title}\n\n${counts.join(', ')}.\n\n${sorted.join(', ')}\n`;
}
