/** docs/internals/escape-tests.md: which attack is tried by which test, and without which protection it was seen to succeed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface EscapeWay {
  readonly file: string;
  /** What is attacked, as `describe` has it. */
  readonly title: string;
  /** Tests in which the attack fails. */
  readonly holds: number;
  /** What is left out or altered in the tests in which it succeeds. */
  readonly without: readonly string[];
}

const directory = 'test/escape';
const bite = 'gets through without ';

/** Read from the sources: `describe('…'` at the start of a line, and each `it('…'` below it. */
export function escapeWays(): EscapeWay[] {
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.test.ts'))
    .toSorted();
  return files.flatMap((file) => waysOf(file, readFileSync(join(directory, file), 'utf8')));
}

function waysOf(file: string, source: string): EscapeWay[] {
  return source
    .split(/^describe\(\s*/m)
    .slice(1)
    .map((text) => {
      const titles = [...text.matchAll(/^\s+it\(\s*(['"`])((?:(?!\1)[^\\]|\\.)*)\1/gm)].map(
        ([, , title = '']) => title,
      );
      const bites = titles.filter((title) => title.includes(bite));
      return {
        file,
        title: /^(['"`])((?:(?!\1)[^\\]|\\.)*)\1/.exec(text)?.[2] ?? '',
        holds: titles.length - bites.length,
        without: bites.map((title) => title.slice(title.indexOf(bite) + bite.length)),
      };
    });
}

/** @throws Error if one has not been seen to bite */
export function escapePage(): string {
  const rows = escapeWays().map(({ file, title, holds, without }) => {
    if (without.length === 0 || holds === 0)
      throw new Error(`${directory}/${file}: "${title}" is never seen to ${holds === 0 ? 'hold' : 'bite'}`);
    return `| ${title} | ${without.join('<br>')} | [${file}](../../${directory}/${file}) |`;
  });
  return [
    '<!-- Made by `npm run docs` from scripts/escape-table.ts and the titles of test/escape: edit those. -->\n',
    '# Ways out, tried\n',
    method,
    '| the attack | seen to succeed without | test |\n|---|---|---|',
    `${rows.join('\n')}\n`,
    elsewhere,
  ].join('\n');
}

const method = `\`test/escape\` tries the known ways out of a zone, and into one that is not meant to be seen. Each attack is a shell script or a small
static C program (\`test/escape/programs\`) that runs as root of a zone, mostly with every capability. It is tried twice: as things
are, when it has to fail; and without what stops it, when it has to succeed, so that a test that no longer tests anything is noticed.
Nothing is compiled differently for that:

- an op of the zone's real plan is left out or weakened (\`test/helpers/altered-zone.ts\`; an op that is not there fails the test), or
- one system call of the real helper is dropped, loses a flag, or is answered with a lie (\`tamper.c\`, which traces it), or
- a second line of defence is opened too, where there are two (file modes; ids; where the kernel has it, AppArmor).

\`npm test -- escape\` runs them, and compares the machine before and after. A new protection gets its row by a test called
"gets through without …" beside one in which it holds: the table is made of the titles, and a \`describe\` without both fails the build.
`;

const elsewhere = `## Tried elsewhere

| what | where |
|---|---|
| archives: \`..\`, absolute names, links, hard links, PAX names, sparse maps, device nodes, duplicates, a directory that becomes a link | test/integration/unpack.test.ts, native/fuzz/unpack_fuzz.c |
| \`cp\` out of a zone that lies, all its ways; and into one | test/integration/cp-hostile.test.ts |
| remount, umount, bind over every read-only mount and mask, each by a dozen ways | test/integration/zone-isolation.test.ts |
| files, sockets, shared memory, ids of two zones; \`strace\` across zones | test/integration/zone-isolation.test.ts |
| covers and locked trees | test/integration/helper.test.ts |
| limits of memory, processes and CPU | test/integration/zone-limits.test.ts |
| the plan, and a zone's passwd and group files | native/fuzz/plan_fuzz.c |

## What these tests do not show

- A bug of the kernel: the pages of CVE-2022-0847 cannot be written on a kernel that has it mended, so that test is seen to bite without the
  read-only mount only.
- A limit that nobody has set: processes, disk and inodes of the host are bounded by \`--pids\` and the like, not by default.
- A directory of the host that is mounted writable: a set-uid program that a zone makes there is root's on the host. It is out of
  everybody's reach as long as a directory above it is root's alone ([0006](../decisions/0006-read-only-host-directories.md)).
- The native entry is executed from its own mount: a zone's user namespace keeps its file from being written
  ([0012](../decisions/0012-native-entry.md)); helper and init are executed from read-only ones besides.
`;
