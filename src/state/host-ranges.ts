/** Ids that the host itself has given out. */
import { readFile } from '../host/quick-fs.js';

/** As in id-register.ts. */
export interface HostRange {
  readonly base: number;
  readonly count: number;
  /** Who has it. */
  readonly of: string;
}

/** What subuid(5) hands out to users. */
export async function subordinateRanges(): Promise<HostRange[]> {
  return hostRanges(['/etc/subuid', '/etc/subgid'], ([name = '', base, count]) => [name, Number(base), Number(count)]);
}

/** The host's own: those of 16 bits, and whoever else has an account. */
export async function accountRanges(): Promise<HostRange[]> {
  const accounts = hostRanges(['/etc/passwd', '/etc/group'], ([name = '', , id]) => [name, Number(id), 1]);
  return [{ base: 0, count: 65_536, of: 'the host' }, ...(await accounts)];
}

async function hostRanges(
  paths: readonly string[],
  parse: (fields: readonly string[]) => readonly [name: string, base: number, count: number],
): Promise<HostRange[]> {
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')));
  return texts.flatMap((text, index) =>
    text.split('\n').flatMap((line) => {
      const [name, base, count] = parse(line.split(':'));
      return base >= 0 && count > 0 ? [{ base, count, of: `"${name}" in ${paths[index]}` }] : [];
    }),
  );
}
