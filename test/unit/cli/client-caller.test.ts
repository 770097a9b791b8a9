import { constants } from 'node:os';
import { expect } from 'chai';
import { callerOf } from '../../../src/cli/client-caller.js';
import { withInterrupts } from '../../../src/cli/interrupts.js';
import { ReadyRuns } from '../../../src/operations/ready-runs.js';

function makeClient() {
  const client = {
    request: { id: 1, cwd: '/', terminals: [false, false, false], argv: ['run'], env: {} } as const,
    write: () => {},
    release: () => {},
    onSignal: (_number: number) => {},
  };
  return { client, caller: callerOf(client, new ReadyRuns()) };
}

describe("cli: signals of an engine's client", () => {
  const { SIGHUP, SIGTERM } = constants.signals;

  it('go to who has listened last; to who listened before when that one ends, in whichever order', () => {
    const { client, caller } = makeClient();
    const heard: string[] = [];
    const first = caller.onSignal(['SIGTERM', 'SIGHUP'], (name) => heard.push(`first ${name}`));
    const second = caller.onSignal(['SIGTERM'], (name) => heard.push(`second ${name}`));
    client.onSignal(SIGTERM);
    client.onSignal(SIGHUP);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    client.onSignal(SIGTERM);
    second[Symbol.dispose]();
    expect(heard).to.deep.equal(['second SIGTERM', 'first SIGHUP', 'second SIGTERM']);
  });

  it('that come before anybody listens end what the first one begins', async () => {
    const { client, caller } = makeClient();
    client.onSignal(SIGHUP);
    const work = withInterrupts(undefined, async (signal) => signal.throwIfAborted(), caller);
    expect(await work.catch((error: unknown) => error)).to.have.property('exitStatus', 129);
  });
});
