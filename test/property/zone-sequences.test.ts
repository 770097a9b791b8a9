/** Random sequences of verbs on a real zone, against a model of three states. Time-boxed. */
import { expect } from 'chai';
import fc from 'fast-check';
import { type ErrorCode, type Host, ZoneError } from '../../src/index.js';
import { bootZones } from '../../src/operations/boot-zones.js';
import { givenHost } from '../helpers/given.js';
import { patience } from '../helpers/patience.js';
import { expectNothingLeftNow } from '../helpers/snapshot.js';

type State = 'gone' | 'stopped' | 'running' | 'paused';
type Verb =
  | 'create'
  | 'start'
  | 'stop'
  | 'restart'
  | 'pause'
  | 'resume'
  | 'delete'
  | 'delete --force'
  | 'exec'
  | 'boot';

/** Verb → state before → state after, or the code of the refusal. */
const laws: Readonly<Record<Verb, Readonly<Record<State, State | ErrorCode>>>> = {
  create: { gone: 'stopped', stopped: 'ZONE_EXISTS', running: 'ZONE_EXISTS', paused: 'ZONE_EXISTS' },
  start: { gone: 'ZONE_NOT_FOUND', stopped: 'running', running: 'ZONE_RUNNING', paused: 'ZONE_RUNNING' },
  stop: { gone: 'ZONE_NOT_FOUND', stopped: 'stopped', running: 'stopped', paused: 'stopped' },
  restart: { gone: 'ZONE_NOT_FOUND', stopped: 'running', running: 'running', paused: 'running' },
  pause: { gone: 'ZONE_NOT_FOUND', stopped: 'ZONE_NOT_RUNNING', running: 'paused', paused: 'ZONE_STATE' },
  resume: { gone: 'ZONE_NOT_FOUND', stopped: 'ZONE_NOT_RUNNING', running: 'ZONE_STATE', paused: 'running' },
  delete: { gone: 'gone', stopped: 'gone', running: 'ZONE_RUNNING', paused: 'ZONE_RUNNING' },
  'delete --force': { gone: 'gone', stopped: 'gone', running: 'gone', paused: 'gone' },
  exec: { gone: 'ZONE_NOT_FOUND', stopped: 'ZONE_NOT_RUNNING', running: 'running', paused: 'ZONE_STATE' },
  boot: { gone: 'gone', stopped: 'stopped', running: 'running', paused: 'paused' },
};

const name = 'model';

async function act(host: Host, verb: Verb): Promise<void> {
  if (verb === 'create')
    return void (await host.create({ name, image: 'busybox', net: 'none', command: ['sleep', '1000'] }));
  if (verb === 'boot') return void (await bootZones(host.context));
  const zone = await host.zone(name).catch((error: unknown) => {
    if (verb.startsWith('delete')) return undefined;
    throw error;
  });
  switch (verb) {
    case 'start':
      return void (await zone?.start());
    case 'stop':
      return void (await zone?.stop({ force: true }));
    case 'restart':
      return void (await zone?.restart({ force: true }));
    case 'exec':
      return void expect((await zone?.exec(['true']))?.exitCode).to.equal(0);
    case 'pause':
      return zone?.pause();
    case 'resume':
      return zone?.resume();
    default:
      return zone?.delete({ force: verb === 'delete --force' });
  }
}

describe('random sequences of verbs', function () {
  this.timeout(patience(120_000));
  const given = givenHost({ images: ['busybox'] });

  it('keep the laws of the states, and leave nothing', async () => {
    const host = await given.host.open();
    await act(host, 'create');
    await act(host, 'start');
    await act(host, 'delete --force');
    const before = await given.host.snapshot();
    const verbs = fc.array(fc.constantFrom(...(Object.keys(laws) as Verb[])), { minLength: 3, maxLength: 12 });
    const follow = async (sequence: readonly Verb[]) => {
      let state: State = 'gone';
      for (const verb of sequence) {
        const wanted: string = laws[verb][state];
        const got = await act(host, verb).then(
          () => undefined,
          (error: unknown) => (error instanceof ZoneError ? error.code : String(error)),
        );
        expect(got, `${verb} in ${state} of ${sequence.join(', ')}`).to.equal(
          wanted in laws.create ? undefined : wanted,
        );
        if (wanted in laws.create) state = wanted as State;
        const seen = (await host.list()).find((zone) => zone.name === name)?.status ?? 'gone';
        expect(seen, `after ${verb} of ${sequence.join(', ')}`).to.equal(state);
      }
    };
    // fast-check's own time limit would leave a sequence running.
    const deadline = performance.now() + patience(12_000);
    const inTime = async (sequence: readonly Verb[]) => (performance.now() < deadline ? follow(sequence) : undefined);
    const property = fc.asyncProperty(verbs, inTime).afterEach(() => act(host, 'delete --force'));
    await fc.assert(property, { numRuns: 60 });
    await expectNothingLeftNow(before, given.host.snapshotOptions);
  });
});
