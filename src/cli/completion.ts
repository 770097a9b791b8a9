/** Completion scripts, made from the commands themselves; names of zones, snapshots and images are asked of tszone. */
import type { CommandTable } from './command-table.js';
import { allFlags } from './parse.js';

export const shells = ['bash', 'zsh', 'fish'] as const;

export interface CompletedCommand {
  readonly id: string;
  readonly summary: string;
  /** `--memory`, `-m`; also aliases of the id in `names`. */
  readonly flags: readonly string[];
  readonly names: readonly string[];
  /** What its arguments are. */
  readonly completes: 'zone' | 'snapshot' | 'image' | 'file' | 'copy' | 'shell' | 'none';
}

export async function describeCommands(table: CommandTable): Promise<CompletedCommand[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  return Promise.all(
    shown.map(async ([id, entry]) => {
      const command = (await entry.load()).default;
      const flags = Object.entries(allFlags(command)).flatMap(([name, flag]) => [
        `--${name}`,
        ...(flag.char === undefined ? [] : [`-${flag.char}`]),
      ]);
      return {
        id,
        summary: entry.summary,
        flags,
        names: [id, ...entry.aliases],
        completes: completes(Object.keys(command.args)),
      };
    }),
  );
}

function completes(args: readonly string[]): CompletedCommand['completes'] {
  if (args.includes('zone')) return 'zone';
  if (args.includes('snapshot')) return 'snapshot';
  if (args.includes('image')) return 'image';
  if (args.includes('shell')) return 'shell';
  if (args.includes('source')) return 'copy';
  return args.includes('file') ? 'file' : 'none';
}

export function scriptOf(shell: string, commands: readonly CompletedCommand[]): string {
  if (shell === 'fish') return fish(commands);
  const script = bash(commands);
  return shell === 'zsh'
    ? `#compdef tszone\nautoload -Uz compinit bashcompinit\n(( \${+functions[compdef]} )) || compinit\nbashcompinit\n${script}`
    : script;
}

/** First words: commands and topics. */
function firstWords(commands: readonly CompletedCommand[]): string[] {
  return [...new Set(commands.flatMap(({ names }) => names.map((name) => name.split(' ')[0] ?? name)))].sort();
}

const dynamic: Readonly<Record<CompletedCommand['completes'], string>> = {
  zone: '$(tszone list -q 2>/dev/null)',
  snapshot: '$(tszone snapshot list -q 2>/dev/null)',
  image: '$(tszone image list -q 2>/dev/null)',
  copy: '$(tszone list -q 2>/dev/null | sed s/$/:/)',
  shell: shells.join(' '),
  file: '',
  none: '',
};

function bash(commands: readonly CompletedCommand[]): string {
  const topics = [...new Set(commands.flatMap(({ id }) => (id.includes(' ') ? [id.split(' ')[0] ?? ''] : [])))];
  const subcommands = topics.map((topic) => {
    const words = commands.flatMap(({ names }) =>
      names.filter((name) => name.startsWith(`${topic} `)).map((name) => name.slice(topic.length + 1)),
    );
    return `    ${topic}) COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur")); return ;;\n`;
  });
  const cases = commands.map(({ names, flags, completes: kind }) => {
    const pattern = names.map((name) => `"${name}"`).join('|');
    return `    ${pattern}) if [[ $cur == -* ]]; then words="${flags.join(' ')}"; else words="${dynamic[kind]}"; fi ;;\n`;
  });
  return `# bash completion of tszone
_tszone() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} cmd="" word i words=""
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -* ]] && continue
    if [[ -z $cmd ]]; then cmd=$word; [[ " ${topics.join(' ')} " == *" $cmd "* ]] || break
    else cmd="$cmd $word"; break; fi
  done
  case $prev in
    -o|--output) COMPREPLY=($(compgen -W "table json jsonl yaml csv" -- "$cur")); return ;;
    --image) COMPREPLY=($(compgen -W "$(tszone image list -q 2>/dev/null)" -- "$cur")); return ;;
  esac
  case $cmd in
    "") COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')} help" -- "$cur")); return ;;
    help) COMPREPLY=($(compgen -W "${firstWords(commands).join(' ')}" -- "$cur")); return ;;
${subcommands.join('')}${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _tszone tszone
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = commands.flatMap(({ id, summary, flags, completes: kind }) => {
    const [first = '', second] = id.split(' ');
    const inside =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const offered =
      second === undefined
        ? `complete -c tszone -n __fish_use_subcommand -a ${first} -d ${quote(summary)}`
        : `complete -c tszone -n '__fish_seen_subcommand_from ${first}' -a ${second} -d ${quote(summary)}`;
    const long = flags
      .filter((flag) => flag.startsWith('--'))
      .map((flag) => `complete -c tszone -n ${quote(inside)} -l ${flag.slice(2)}`);
    const words = dynamic[kind].replaceAll('$(', '(').replace('sed s/$/:/', "string replace -r '$' ':'");
    return [offered, ...long, ...(words === '' ? [] : [`complete -c tszone -n ${quote(inside)} -a ${quote(words)}`])];
  });
  const topics = [...new Set(commands.flatMap(({ id }) => (id.includes(' ') ? [id.split(' ')[0] ?? ''] : [])))];
  const topicLines = topics.map((topic) => `complete -c tszone -n __fish_use_subcommand -a ${topic}`);
  return `# fish completion of tszone\n${[...topicLines, ...lines].join('\n')}\n`;
}
