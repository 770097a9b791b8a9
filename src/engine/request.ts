/** What a client of the engine asks for: native/client.h has the order of the tokens. */

export interface EngineRequest {
  readonly id: number;
  readonly cwd: string;
  /** Which of 0, 1 and 2 are terminals. */
  readonly terminals: readonly [boolean, boolean, boolean];
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The number of the protocol follows the version: both have to be the client's. */
export const engineProtocol = 1;

/** @returns `undefined` for a client of another kind, which then does its work itself */
export function parseRequest(id: number, tokens: readonly string[], version: string): EngineRequest | undefined {
  const [theirs, cwd = '/', stdin, stdout, stderr, count = '0', ...rest] = tokens;
  if (theirs !== `${version}/${engineProtocol}`) return undefined;
  const argc = Number(count);
  const env = rest.slice(argc).map((variable) => {
    const at = variable.indexOf('=');
    return [variable.slice(0, at), variable.slice(at + 1)] as const;
  });
  return {
    id,
    cwd,
    terminals: [stdin === '1', stdout === '1', stderr === '1'],
    argv: rest.slice(0, argc),
    env: Object.fromEntries(env),
  };
}
