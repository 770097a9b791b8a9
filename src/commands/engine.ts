import * as Flags from '@oclif/core/flags';
import { BaseCommand } from '../cli/base-command.js';
import { callerOf, canServe } from '../cli/client-caller.js';
import type { CommandTable } from '../cli/command-table.js';
import { Declined } from '../cli/declined.js';
import { Interrupted, parseTimeout, withInterrupts } from '../cli/interrupts.js';
import { main } from '../cli/main.js';
import { done, exitWith, type Output } from '../cli/output.js';
import { version } from '../cli/version.js';
import { dropReadySignal, type EngineClient, serveEngine, stopEngine } from '../engine/index.js';
import { groupId } from '../host/group-id.js';
import { ReadyRuns } from '../operations/ready-runs.js';

export default class Engine extends BaseCommand<typeof Engine> {
  static override summary = 'Stay warm and run the commands of others at once';
  static override description =
    'Commands of this run-time directory find it by themselves, unless TSZONE_ENGINE is "off"; with "auto" the first one starts it.\nNothing is lost when it is killed. systemd can start it on demand: see systemd/tszone-engine.socket.';
  static override examples = ['tszone engine &', 'tszone engine --idle 10m'];
  static override flags = {
    idle: Flags.string({ helpValue: 'TIME', description: 'end when nobody has asked for anything that long' }),
    group: Flags.string({
      helpValue: 'GROUP',
      description: 'its members may talk to it, too: they are as good as root',
    }),
    stop: Flags.boolean({ description: 'end the one that serves, when it has finished what it has begun' }),
  };

  async run(): Promise<Output> {
    const { flags, table } = this;
    const { runRoot } = this.paths();
    if (flags.stop === true) {
      const wasThere = await stopEngine(runRoot, parseTimeout(flags.timeout));
      return done(runRoot, wasThere ? 'the engine has ended' : 'there is no engine', { stopped: wasThere });
    }
    const idleMs = parseTimeout(flags.idle, '--idle');
    const group = flags.group === undefined ? undefined : await groupId(flags.group);
    // Opened once, for what it says about this host, and to load what most commands need.
    await this.openHost();
    const options = { runRoot, version: version(), listener: this.listener(), group, idleMs };
    const ready = new ReadyRuns();
    const finish = () => ready.close();
    const drop = () => void ready.dropAll();
    // To its very end: whoever has read that it is there sends the signal a little later.
    process.on(dropReadySignal, drop);
    await withInterrupts(undefined, (signal) =>
      serveEngine({ ...options, finish, signal }, (client) => serve(client, table, ready)),
    ).catch(unlessInterrupted);
    return exitWith(0);
  }

  /** sd_listen_fds(3): the first descriptor that systemd has handed over. */
  private listener(): number | undefined {
    const { LISTEN_PID, LISTEN_FDS } = this.caller.env;
    return LISTEN_PID === String(process.pid) && Number(LISTEN_FDS) >= 1 ? 3 : undefined;
  }
}

/** Being told to end is how an engine ends. */
function unlessInterrupted(error: unknown): void {
  if (!(error instanceof Interrupted)) throw error;
}

async function serve(client: EngineClient, table: CommandTable, ready: ReadyRuns): Promise<number | 'decline'> {
  if (!canServe(client.request, table)) return 'decline';
  // Before anything is waited for: from now on no signal of the client's is lost.
  const caller = callerOf(client, ready);
  try {
    // They hold addresses, and no list says so.
    if (client.request.argv.includes('network')) await ready.dropAll();
    return await main(client.request.argv, table, caller);
  } catch (error) {
    if (error instanceof Declined) return 'decline';
    throw error;
  }
}
