/** What a zone runs first: its pid 1, and the command with its environment, user and directory. */
import { baseEnvironment, type PayloadInput, type ProcessPlanInput } from '../namespaces/index.js';
import type { ZoneRecord } from '../state/index.js';
import { argvOf } from './image-defaults.js';

export interface PayloadChoice {
  readonly record: ZoneRecord;
  readonly programs: { readonly init: string; readonly helper: string };
  /** Instead of what the zone runs: a mode of the helper. */
  readonly helperArgv?: readonly string[] | undefined;
}

export function environmentOf({ spec, image }: ZoneRecord): Record<string, string> {
  return { ...baseEnvironment, ...image.config.env, ...spec.env };
}

function processOf(record: ZoneRecord, argv: readonly string[]): ProcessPlanInput {
  const { spec, image } = record;
  return {
    env: environmentOf(record),
    user: spec.user ?? image.config.user,
    workdir: spec.workdir ?? image.config.workdir,
    argv,
  };
}

export function payloadOf({ record, programs, helperArgv }: PayloadChoice): PayloadInput {
  if (helperArgv !== undefined) return { kind: 'helper', helperPath: programs.helper, argv: helperArgv };
  const init = record.spec.init ?? record.image.config.init ?? 'tiny';
  const argv = argvOf(record);
  if (init === 'full') return { kind: 'direct', process: { ...processOf(record, ['/sbin/init']), user: undefined } };
  if (init === 'none') return { kind: 'direct', process: processOf(record, argv) };
  return { kind: 'tiny', initPath: programs.init, process: argv.length === 0 ? undefined : processOf(record, argv) };
}
