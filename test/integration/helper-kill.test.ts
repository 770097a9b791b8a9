/** A command that is killed before it is one: it stands still between its fork and its exec. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type EnterOp, spawnSession } from '../../src/helper/index.js';
import { isAlive } from '../helpers/alive.js';
import { startZone, ZoneDirectory } from '../helpers/helper-plan.js';
import { eventually } from '../helpers/patience.js';
import { requires } from '../helpers/requires.js';

/** A group of which each member stands still until it is thawed, on cgroup v1 and v2. */
class FrozenGroup implements Disposable {
  readonly path: string;
  readonly #isV1: boolean;

  constructor(hierarchy: string) {
    this.path = join(hierarchy, `tszone-helper-frozen-${process.pid}`);
    mkdirSync(this.path);
    this.#isV1 = existsSync(join(this.path, 'freezer.state'));
    this.#freeze(true);
  }

  thaw(): void {
    this.#freeze(false);
  }

  #freeze(isFrozen: boolean): void {
    if (this.#isV1) writeFileSync(join(this.path, 'freezer.state'), isFrozen ? 'FROZEN' : 'THAWED');
    else writeFileSync(join(this.path, 'cgroup.freeze'), isFrozen ? '1' : '0');
  }

  [Symbol.dispose](): void {
    this.thaw();
    spawnSync('rmdir', [this.path]);
  }
}

/** proc_pid_status(5). */
function hasPendingKill(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const masks = [...status.matchAll(/^(?:Sig|Shd)Pnd:\s*([0-9a-f]+)$/gm)].map(([, bits]) => BigInt(`0x${bits}`));
  return masks.some((bits) => (bits & (1n << 8n)) !== 0n);
}

describe('native helper', () => {
  before(requires('root', 'overlay', 'busybox'));

  it('says how a command ended that was killed through its session before its exec', async () => {
    const freezer = ['/sys/fs/cgroup/freezer', '/sys/fs/cgroup'].find((path) => existsSync(join(path, 'cgroup.procs')));
    if (freezer === undefined) return;
    using zone = new ZoneDirectory();
    await using _running = await startZone(zone.plan(['sleep', '1000']));
    using group = new FrozenGroup(freezer);
    const host: EnterOp[] = [{ op: 'exec.group', path: join(group.path, 'exec-'), kind: 'cgroup.procs', fill: [] }];
    await using session = spawnSession('enter', zone.enter(['sleep', '1000'], { host }));
    const members = join(group.path, `exec-${session.pid}`, 'cgroup.procs');
    try {
      const child = await eventually('it stands still', () => Number(readFileSync(members, 'utf8')) || undefined);
      session.signal(9);
      await eventually('it is as good as dead', () => !isAlive(child) || hasPendingKill(child));
    } finally {
      group.thaw();
    }
    expect(await session.expect('exited')).to.include({ status: 137, signal: 9 });
    expect(await session.exited).to.equal(137);
  });
});
