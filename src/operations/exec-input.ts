/** What an exec is asked to run, checked before anything is made for it. */
import { zoneError } from '../errors/index.js';

export interface ExecInput {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly user?: string | undefined;
}

interface Issue {
  /** `argv.0`, `env.NAME`, `cwd`, `user` */
  readonly path: string;
  readonly message: string;
}

/** @throws SPEC_INVALID with every issue and its path */
export function checkExec({ argv, env = {}, cwd, user }: ExecInput): void {
  const issues = [
    ...checkArgv(argv),
    ...Object.entries(env).flatMap(checkVariable),
    ...checkOptional('cwd', cwd, (path) => path.startsWith('/'), 'is not an absolute path'),
    ...checkOptional(
      'user',
      user,
      (name) => /^[^:\s]+(:[^:\s]+)?$/.test(name),
      'is not NAME, UID, NAME:GROUP or UID:GID',
    ),
  ];
  if (issues.length === 0) return;
  throw zoneError('SPEC_INVALID', issues.map(({ path, message }) => `${JSON.stringify(path)} ${message}`).join('; '), {
    hint: 'See "tszone exec --help" for the valid forms.',
    context: { issues },
  });
}

function checkArgv(argv: readonly string[]): Issue[] {
  if (!Array.isArray(argv) || argv.length === 0) return [{ path: 'argv', message: 'is empty' }];
  const issues = argv.flatMap((word: unknown, index) => checkText(`argv.${index}`, word));
  return argv[0] === '' ? [{ path: 'argv.0', message: 'is empty' }, ...issues] : issues;
}

function checkVariable([name, value]: [string, unknown]): Issue[] {
  const path = `env.${name}`;
  if (name === '' || /[=\0]/.test(name)) return [{ path, message: 'is not the name of a variable' }];
  return checkText(path, value);
}

function checkOptional(path: string, value: unknown, isValid: (text: string) => boolean, message: string): Issue[] {
  if (value === undefined) return [];
  const issues = checkText(path, value);
  return issues.length > 0 || isValid(String(value)) ? issues : [{ path, message }];
}

function checkText(path: string, value: unknown): Issue[] {
  if (typeof value !== 'string') return [{ path, message: 'is not a text' }];
  return value.includes('\0') ? [{ path, message: 'contains NUL' }] : [];
}
