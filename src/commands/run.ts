import * as Flags from '@oclif/core/flags';
import { attachZone } from '../cli/attach-zone.js';
import { wantsTty, winsize } from '../cli/attached.js';
import { BaseCommand } from '../cli/base-command.js';
import { defaultPull } from '../cli/caller.js';
import { dryRunFlag, pullFlag, requiredArg, terminalFlags } from '../cli/flags.js';
import { HeldSignals } from '../cli/held-signals.js';
import { withInterrupts } from '../cli/interrupts.js';
import { done, exitWith, type Output } from '../cli/output.js';
import { planned } from '../cli/planned.js';
import type { Progress } from '../cli/progress.js';
import { zoneFlags, zoneInput } from '../cli/zone-flags.js';
import { dryRunRun } from '../operations/dry-run.js';
import type { RunInput } from '../operations/run-input.js';
import { runDetached, runZone } from '../operations/run-zone.js';

export default class Run extends BaseCommand<typeof Run> {
  static override summary = 'Make a zone, start it, and stay attached to its command';
  static override description =
    "The exit status is the command's own (128+n for signal n); 125: tszone failed, 126: cannot be executed, 127: not found.\nCtrl-] twice detaches from a terminal.";
  static override aliases = ['launch'];
  static override examples = [
    "tszone run --rm busybox -- sh -c 'id; hostname; ps; ip addr'",
    'tszone run -d --name web -p 8080:80 --memory 128M debian -- python3 -m http.server 80',
  ];
  static override passThrough = '[--] [COMMAND…]';
  static override passesStatus = true;
  static override takesLocks = true;
  static override args = { image: requiredArg('the image that the zone starts from') };
  static override flags = {
    name: Flags.string({ helpValue: 'NAME', description: "the zone's name; generated if not given" }),
    rm: Flags.boolean({ description: 'delete the zone when it ends' }),
    detach: Flags.boolean({ char: 'd', description: 'do not stay attached: print its name' }),
    ...dryRunFlag,
    ...pullFlag,
    ...zoneFlags,
    ...terminalFlags,
  };

  async run(): Promise<Output> {
    if (this.flags['dry-run'] === true) return this.planned();
    return this.flags.detach === true ? this.detached() : this.attached();
  }

  private async planned(): Promise<Output> {
    const { flags } = this;
    const isDetached = flags.detach === true;
    const input = this.input(isDetached ? flags.tty === true : wantsTty(flags, this.caller));
    const attached =
      input.tty === true ? ({ stdio: 'pty', winsize: winsize() } as const) : ({ stdio: 'relay' } as const);
    return planned([await this.operate((host) => dryRunRun(host, input, isDetached ? {} : attached))]);
  }

  private input(tty: boolean): RunInput {
    const { name, rm } = this.flags;
    const { image } = this.args;
    const given = {
      ...zoneInput({ ...this.flags, tty: undefined }, this.caller.env),
      tty,
      ephemeral: rm === true,
      image,
      name,
    };
    return { ...given, ...(this.rest.length > 0 ? { command: this.rest } : {}) } as RunInput;
  }

  private async attached(): Promise<Output> {
    const { flags } = this;
    const input = this.input(wantsTty(flags, this.caller));
    const status = await withInterrupts(
      flags.timeout,
      async (signal, handOver) => {
        const host = await this.openHost();
        using held = new HeldSignals(this.caller);
        const zone = await this.launch((onProgress) =>
          runZone(host, input, {
            signal,
            pull: flags.pull ?? defaultPull(this.caller),
            onProgress,
            winsize: input.tty === true ? winsize() : undefined,
            descriptors: this.caller.descriptors,
            ready: this.caller.ready,
            onGo: () => {
              held.begin();
              handOver();
            },
          }),
        );
        for (const note of zone.notes) this.note(note);
        const exitStatus = await attachZone(zone, this.caller, (kill) => held.passTo(kill));
        if (exitStatus === undefined) {
          zone.detach();
          this.note(`detached from zone "${zone.name}"; "tszone console ${zone.name}" attaches again`);
          return exitStatus;
        }
        this.caller.release?.(exitStatus);
        await zone.cleaned;
        return exitStatus;
      },
      this.caller,
    );
    return exitWith(status ?? 0);
  }

  private async detached(): Promise<Output> {
    const input = this.input(this.flags.tty === true);
    const pull = this.flags.pull ?? defaultPull(this.caller);
    const started = await this.operate((host, options) =>
      this.launch((onProgress) => runDetached(host, input, { ...options, pull, onProgress })),
    );
    for (const note of started.notes) this.note(note);
    return done(started.name, started.name, started);
  }

  private async launch<R>(work: (onProgress: Progress['update']) => Promise<R>): Promise<R> {
    using progress = this.progress(`preparing image ${this.args.image}`);
    return await work((update) => progress.update(update));
  }
}
