/**
 * The command lines that the installed program, native/entry.c, does itself; node does every other one. Data for a test, which
 * compares it with the program's own table (native/forms.c) and with the commands: one meaning in both.
 */

export interface FastFlag {
  readonly char: string;
  /** It takes a value: `--user NAME`, `--user=NAME`, `-u NAME`. Flags without one may be joined: `-it`. */
  readonly value: boolean;
  /** Without it the line is node's. */
  readonly required: boolean;
}

export interface FastForm {
  readonly alias: string;
  /** How many words there are at least after the zone's name, where flags end; -1: none, and flags may follow it. */
  readonly rest: number;
  readonly flags: Readonly<Record<string, FastFlag>>;
}

const plain = (char: string, required = false): FastFlag => ({ char, value: false, required });
const valued = (char: string): FastFlag => ({ char, value: true, required: false });

const terminal = {
  interactive: plain('i'),
  tty: plain('t'),
  'no-tty': plain('T'),
  quiet: plain('q'),
} as const;

export const fastForms: Readonly<Record<string, FastForm>> = {
  exec: { alias: '', rest: 1, flags: { ...terminal, env: valued('e'), user: valued('u'), workdir: valued('w') } },
  shell: { alias: 'enter', rest: 0, flags: { ...terminal, user: valued('u') } },
  kill: { alias: '', rest: -1, flags: { quiet: plain('q'), signal: valued('s') } },
  ps: { alias: '', rest: -1, flags: { quiet: plain('q', true) } },
  status: { alias: '', rest: -1, flags: {} },
  claim: { alias: '', rest: 0, flags: terminal },
};
