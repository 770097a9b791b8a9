/**
 * Zones and execs whose plan has been altered: the real plan, with the op that protects left out or weakened; or the real helper
 * with one of its system calls dropped (test/escape/programs/tamper.c). So a test sees its attack succeed once.
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planExecCgroup } from '../../src/cgroups/index.js';
import { type EnterOp, type HelperSession, helperPath, spawnSession } from '../../src/helper/index.js';
import type { Zone } from '../../src/index.js';
import type { ProgramPlanInput } from '../../src/namespaces/credentials.js';
import { planEnter } from '../../src/namespaces/index.js';
import { vethForHelper } from '../../src/netif/index.js';
import { planZoneStart } from '../../src/operations/start-zone.js';
import { runTransaction } from '../../src/operations/transaction.js';
import { lockZone } from '../../src/operations/zone-lock.js';
import { groupsOf, type LaunchRecord, readLaunch, requireRunning } from '../../src/operations/zone-ref.js';
import type { HostOp } from '../../src/plan/index.js';
import type { ZoneOptions } from '../../src/spec/index.js';
import { claimIds, readZone, writeRunTimeFile, zonePaths } from '../../src/state/index.js';
import { attackProgram } from './attack-programs.js';
import { isV2 } from './pids-group.js';
import type { TempHost } from './temp-host.js';

export type Alter<Op = EnterOp> = (ops: readonly Op[]) => readonly Op[];

/** Leaves ops out. @throws Error if there are none: then the test proves nothing */
function leaveOut<Op>(what: string, which: (op: Op) => boolean): Alter<Op> {
  return (ops) => {
    const kept = ops.filter((op) => !which(op));
    if (kept.length === ops.length) throw new Error(`the plan has no ${what}`);
    return kept;
  };
}

export const without = (name: EnterOp['op'], which: (op: EnterOp) => boolean = () => true): Alter =>
  leaveOut(`such op "${name}"`, (op) => op.op === name && which(op));

/** Every device may be made and opened, as far as others let it. */
export const anyDevice: Pick<Altered, 'prepare' | 'enter'> = {
  prepare: (ops) => ops.filter(({ op }) => op !== 'cgroup.devices'),
  enter: (ops) => ops.filter(({ op }) => op !== 'cgroup.program'),
};

export const withoutPidsLimit: Alter<HostOp> = leaveOut(
  'limit of processes',
  (op) => op.op === 'cgroup.write' && op.controller === 'pids',
);

/** Puts ops in front of the first one of that name. */
export const inFrontOf =
  (name: EnterOp['op'], ...added: readonly EnterOp[]): Alter =>
  (ops) => {
    const at = ops.findIndex(({ op }) => op === name);
    if (at < 0) throw new Error(`the plan has no op "${name}"`);
    return [...ops.slice(0, at), ...added, ...ops.slice(at)];
  };

/** The same for words in a list of flags or options of ops. */
export function withoutWord(name: EnterOp['op'], field: string, word: string | RegExp): Alter {
  return (ops) => {
    let found = false;
    const changed = ops.map((op) => {
      const words = String((op as unknown as Record<string, string>)[field] ?? '').split(',');
      const left = words.filter((one) => (typeof word === 'string' ? one !== word : !word.test(one)));
      if (op.op !== name || left.length === words.length) return op;
      found = true;
      return { ...op, [field]: left.join(',') } as EnterOp;
    });
    if (!found) throw new Error(`no op "${name}" has "${word}"`);
    return changed.filter((op) => op.op !== 'ns.unshare' || op.flags !== '');
  };
}

/** In no group of its own. */
export const withoutGroup = without(isV2 ? 'cgroup.into' : 'cgroup.join');

/** Where the kernel has AppArmor, its profile is a second line behind many. */
export const withoutProfile: Alter = (ops) => ops.filter(({ op }) => op !== 'apparmor.change');

/** No user namespace: the zone's ids are the host's. What the host may lack, such a zone must not ask for: `hostsCapabilities`. */
export const withoutUserNamespace = both(
  withoutWord('ns.flags', 'flags', 'user'),
  without('ns.uidmap'),
  without('ns.gidmap'),
  withoutProfile,
);

export const hostsCapabilities = { capAdd: ['ALL' as const], capDrop: ['SYS_RESOURCE' as const] };

/** No pid namespace; and so the host's /proc, as the kernel mounts no other. */
export const withoutPidNamespace = both(withoutWord('ns.flags', 'flags', 'pid'), (ops) => [
  { op: 'tree.open', slot: 'host-proc', path: '/proc', flags: 'recursive' },
  ...ops.flatMap((op): EnterOp[] => {
    if (op.op !== 'mnt.fs' || op.type !== 'proc') return [op];
    return op.target === '/proc' ? [{ op: 'mnt.tree', slot: 'host-proc', target: op.target }] : [];
  }),
]);

export function both(...alters: readonly Alter[]): Alter {
  return (ops) => alters.reduce((done, alter) => alter(done), ops);
}

export interface Altered {
  readonly enter?: Alter;
  readonly prepare?: Alter<HostOp>;
  /** Rules of tamper.c, as words. */
  readonly tamper?: readonly string[];
  /** What is done to the zone's own files before: `upper` is their directory. */
  readonly files?: (upper: string) => Promise<void>;
  /** Another build or copy of the helper. */
  readonly program?: string;
}

/** Creates and starts a zone; deleted at the end of the scope. */
export async function startAltered(host: TempHost, spec: ZoneOptions, altered: Altered = {}): Promise<Zone> {
  const library = await host.open();
  const { context } = library;
  const { name } = await library.create({ net: 'none', command: ['sleep', '1000'], ...spec });
  try {
    await using _lock = await lockZone(context, name);
    const found = await readZone(context.roots, name);
    const record = { ...found, ids: await claimIds(context.roots, name, found.ids, { ids: found.spec }) };
    await altered.files?.(join(zonePaths(context.roots, name).rootfs, 'upper'));
    const plan = await planZoneStart(context, record);
    const prepare = (altered.prepare ?? same)(plan.prepare);
    const enter = (altered.enter ?? same)([...plan.attach.map(vethForHelper), ...plan.enter]);
    const transaction = {
      roots: context.roots,
      operation: 'start',
      zone: name,
      recovery: 'back',
      completeIfRunning: true,
      place: 'run',
      ops: prepare,
    } as const;
    await runTransaction(transaction, async () => {
      const launch: LaunchRecord = {
        version: 1,
        prepared: prepare,
        entry: {
          ...plan.entry,
          namespaces: namespacesOf(enter),
          program: { ...plan.entry.program, ...linesOf(plan.entry.program, enter) },
        },
      };
      await writeRunTimeFile(zonePaths(context.roots, name).launch, JSON.stringify(launch));
      const session = spawnSession('launch', enter, await programOption(host, altered));
      try {
        session.go();
        await session.expect('started');
        session.detach();
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
    });
  } catch (error) {
    await (await library.zone(name)).delete({ force: true });
    throw error;
  }
  return Object.assign(await library.zone(name), {
    [Symbol.asyncDispose]: async () => (await library.zone(name)).delete({ force: true }),
  });
}

/** What an exec has to enter: what there is. */
function namespacesOf(ops: readonly EnterOp[]): string {
  return ops
    .flatMap((op) => (op.op === 'ns.flags' || op.op === 'ns.unshare' ? op.flags.split(',').filter(Boolean) : []))
    .join(',');
}

/** What an exec is held by: what pid 1 is. */
function linesOf({ filter }: ProgramPlanInput, ops: readonly EnterOp[]) {
  return {
    filter: ops.some(({ op }) => op === 'seccomp.load') ? filter : undefined,
    profile: ops.flatMap((op) => (op.op === 'apparmor.change' ? [op.profile] : []))[0],
  };
}

export interface ExecChoice {
  readonly stdio?: 'relay' | 'pty';
  readonly stdin?: 'ignore' | 'pipe' | number;
  readonly workdir?: string;
}

/** An exec as node does it, altered. */
export async function execAltered(
  host: TempHost,
  zone: string,
  argv: readonly string[],
  options: Altered & ExecChoice = {},
): Promise<HelperSession> {
  const { context } = await host.open();
  const launch = await readLaunch(context.roots, zone);
  if (launch === undefined) throw new Error(`zone "${zone}" has no launch record`);
  const { pid, startTime } = await requireRunning(context, zone);
  const { entry } = launch;
  const payload = { env: entry.env, user: entry.user, workdir: options.workdir ?? entry.workdir, argv };
  const plan = planEnter({
    pid,
    startTime,
    namespaces: entry.namespaces,
    program: entry.program,
    cgroups: planExecCgroup(groupsOf(context, zone)),
    stdio: options.stdio ?? 'relay',
    winsize: options.stdio === 'pty' ? { rows: 24, columns: 80 } : undefined,
    payload,
  });
  return spawnSession('enter', (options.enter ?? same)(plan), {
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    ...(await programOption(host, options)),
  });
}

const same = <Op>(ops: readonly Op[]) => ops;
let scripts = 0;

/** A program that runs the helper under tamper. */
async function programOption(host: TempHost, { tamper, program }: Altered): Promise<{ program?: string }> {
  if (tamper === undefined) return program === undefined ? {} : { program };
  scripts += 1;
  const path = join(host.directory, `tampered-${scripts}`);
  const words = [await attackProgram('tamper'), ...tamper, '--', program ?? helperPath()];
  await writeFile(path, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  await chmod(path, 0o755);
  return { program: path };
}
