/** What all `backup` commands take. */
import * as Flags from '@oclif/core/flags';
import { readBackupEnvironment } from '../host/environment.js';
import type { RepositoryOptions } from '../operations/backup-repository.js';
import type { Caller } from './caller.js';
import { requiredArg } from './flags.js';

const what = 'a directory, or a place that restic knows: sftp:, rest:, s3: …';

export const repositoryArg = requiredArg(`the repository: ${what}`);

export const repositoryFlag = {
  to: Flags.string({ required: true, helpValue: 'REPO', description: `the repository: ${what}` }),
} as const;

export const passwordFlag = {
  'password-file': Flags.string({
    helpValue: 'FILE',
    description: "holds the repository's password; TSZONE_BACKUP_PASSWORD_FILE if not given",
  }),
} as const;

export function repositoryOptions(
  repository: string,
  flags: { readonly 'password-file'?: string | undefined },
  { env }: Pick<Caller, 'env'>,
): RepositoryOptions {
  return { repository, passwordFile: flags['password-file'], environment: readBackupEnvironment(env) };
}
