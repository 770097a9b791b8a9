/** Global flags in front of the command's words. */
import { type CommandTable, commandsOf } from './command-table.js';

/** `tszone -o json list` means `tszone list -o json`. */
export function hoistGlobals(argv: readonly string[], table: CommandTable): string[] {
  const withValue = /^(-o|--output|--columns|--root|--run-root|--timeout)$/;
  const alone = /^(-q|--quiet|-o.+|--(output|columns|root|run-root|timeout)=.*)$/;
  let at = 0;
  while (at < argv.length) {
    const word = argv[at] ?? '';
    if (withValue.test(word)) at += 2;
    else if (alone.test(word)) at += 1;
    else break;
  }
  if (at === 0 || at >= argv.length) return [...argv];
  const globals = argv.slice(0, at);
  const [first = '', second = '', ...rest] = argv.slice(at);
  // They go behind the command's words; those of a topic are two.
  const behind = argv.length > at + 1 ? [second, ...rest] : [];
  return commandsOf(table, first).length > 0 && behind.length > 0
    ? [first, second, ...globals, ...rest]
    : [first, ...globals, ...behind];
}
