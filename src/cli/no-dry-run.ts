/** Verbs without --dry-run, and why: a test holds that every other one has it. */
import { zoneError } from '../errors/index.js';

const looks = 'it only looks, and changes nothing';
const inside = 'what a command does in a zone shows only when it runs';

export const withoutDryRun: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ...['backup list', 'backup verify', 'completion', 'get', 'image inspect', 'image list', 'image verify'],
      ...['inspect', 'list', 'logs', 'network inspect', 'network list', 'pool inspect', 'pool list', 'port list'],
      ...['ps', 'snapshot diff', 'snapshot list', 'spare list', 'status', 'version', 'wait'],
    ].map((id) => [id, looks]),
  ),
  console: inside,
  exec: inside,
  shell: inside,
  engine: 'it does what other commands ask for: give it to those',
  'on-exit': "it follows a zone's end, and nobody calls it",
};

/** Named by its reason, where an unknown flag would only be unknown. */
export function refuseDryRun(id: string): Error | undefined {
  const why = withoutDryRun[id];
  if (why === undefined) return undefined;
  return zoneError('USAGE_UNKNOWN_FLAG', `"${id}" has no --dry-run: ${why}`, {
    hint: `Leave --dry-run out, or see "tszone ${id} --help".`,
    context: { flag: '--dry-run' },
  });
}
