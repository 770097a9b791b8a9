/** What a registry asks for in its 401 (RFC 9110, section 11.6.1), and what is answered. */

export interface Challenge {
  /** Lower case. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[\\w!#$%&'*+.^`|~-]+";

/** In the order of the header; what cannot be read is left out. */
export function parseChallenges(header: string): Challenge[] {
  const parts = header.matchAll(
    new RegExp(
      `(?:^|,)\\s*(${token})(?:\\s+(?=${token}\\s*=)|\\s*(?=,|$))|(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`,
      'g',
    ),
  );
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, scheme, key, quoted, bare] of parts) {
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (key !== undefined) {
      const last = challenges.at(-1);
      if (last !== undefined) last.parameters[key.toLowerCase()] = bare ?? (quoted ?? '').replace(/\\(.)/g, '$1');
    }
  }
  return challenges;
}
