/** Where Debian's packages come from: the mirror that the host's own apt uses, if it is Debian's. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isErrno } from '../state/index.js';

export interface AptSource {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

export interface DebianMirrors {
  readonly mirror: string;
  readonly security: string;
}

/** Both forms of sources.list(5): one line, and deb822. Entries that are disabled or only for sources are left out. */
export function parseSources(text: string, form: 'list' | 'sources'): AptSource[] {
  return form === 'list' ? text.split('\n').flatMap(parseLine) : text.split(/\n\s*\n/).flatMap(parseStanza);
}

function parseLine(line: string): AptSource[] {
  const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)/.exec(line);
  if (match === null) return [];
  const [, uri = '', suite = '', components = ''] = match;
  return [{ uri, suites: [suite], components: words(components) }];
}

function parseStanza(stanza: string): AptSource[] {
  const text = stanza.replace(/^#.*\n?/gm, '').replace(/\n[ \t]+/g, ' ');
  const fields = Object.fromEntries(
    text.split('\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  if (fields.enabled === 'no' || !words(fields.types).includes('deb')) return [];
  const [suites, components] = [words(fields.suites), words(fields.components)];
  return words(fields.uris).map((uri) => ({ uri, suites, components }));
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** A mirror carries all suites, so one that the host uses for any of Debian's is good for the others. */
export function chooseMirrors(
  sources: readonly AptSource[],
  known: readonly string[],
  fallback: DebianMirrors,
): DebianMirrors {
  const usable = sources.filter(
    ({ uri, components }) => /^https?:\/\/[\w.:/@~-]+$/.test(uri) && components.includes('main'),
  );
  const find = (suffixes: readonly string[], path: RegExp) =>
    usable.find(
      ({ uri, suites }) =>
        path.test(uri) &&
        suites.some((suite) => known.some((name) => suffixes.some((suffix) => suite === name + suffix))),
    )?.uri;
  const trimmed = (uri: string | undefined) => uri?.replace(/\/+$/, '');
  return {
    mirror: trimmed(find([''], /\/debian\/?$/)) ?? fallback.mirror,
    security: trimmed(find(['-security', '/updates'], /\/debian-security\/?$/)) ?? fallback.security,
  };
}

/** @param etc `/etc/apt` but in tests */
export async function readSources(etc = '/etc/apt'): Promise<AptSource[]> {
  const parts = join(etc, 'sources.list.d');
  const names = await readdir(parts).catch((error: unknown) => {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  });
  const files = [join(etc, 'sources.list'), ...names.sort().map((name) => join(parts, name))];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return files.flatMap((file, index) => {
    const form = file.endsWith('.sources') ? 'sources' : file.endsWith('.list') ? 'list' : undefined;
    return form === undefined ? [] : parseSources(texts[index] ?? '', form);
  });
}
