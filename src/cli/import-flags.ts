/** What makes a zone of something that came from elsewhere. */
import * as Flags from '@oclif/core/flags';
import type { Trust } from '../operations/import-trust.js';
import type { ImportResult } from '../operations/import-zone.js';
import { modeWarnings } from '../spec/index.js';

export const importFlags = {
  'keep-identity': Flags.boolean({
    description: 'keep host name, machine-id, MAC and IP addresses and ssh host keys',
  }),
  pool: Flags.string({ helpValue: 'P', description: 'the pool that what the zone writes is kept in' }),
  trust: Flags.boolean({ exclusive: ['restrict'], description: 'give the zone all that the file asks for' }),
  restrict: Flags.boolean({ description: 'make the zone without what could harm this host' }),
} as const;

export function trustOf({ trust, restrict }: { readonly trust?: boolean; readonly restrict?: boolean }): Trust {
  return trust === true ? 'trust' : restrict === true ? 'restrict' : 'ask';
}

/** What a user should know of it. */
export function importRemarks(result: ImportResult): string[] {
  const { name, spec, leftOut, skippedDevices, skippedXattrs, lostHostKeys } = result;
  return [
    ...modeWarnings(spec),
    ...(leftOut.length === 0 ? [] : [`made without: ${leftOut.join(', ')}`]),
    ...(skippedDevices === 0 ? [] : [`${skippedDevices} device nodes are left out`]),
    ...(skippedXattrs === 0 ? [] : [`${skippedXattrs} extended attributes could not be kept`]),
    ...(lostHostKeys.length === 0
      ? []
      : [
          `its ${lostHostKeys.join(' and ')} ssh host key is removed; when it runs: tszone exec ${name} -- ssh-keygen -A`,
        ]),
  ];
}
