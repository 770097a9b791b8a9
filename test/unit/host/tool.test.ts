import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { ZoneError } from '../../../src/errors/index.js';
import { findTool, runTool, spawnTool } from '../../../src/host/tool.js';

async function failure(promise: Promise<unknown>): Promise<ZoneError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ZoneError)) throw new Error(`not a ZoneError: ${String(error)}`);
  return error;
}

const sh = (script: string) => ({ tool: 'sh', args: ['-c', script], package: 'dash' });

describe('tools of the host', () => {
  it('get input, and give output', async () => {
    expect(await runTool({ ...sh('cat; echo said >&2'), input: 'in' })).to.deep.equal({ stdout: 'in', stderr: 'said' });
  });

  it('that are missing name the package to install', async () => {
    const error = await failure(runTool({ tool: 'no-such-tool', args: [], package: 'some-package' }));
    expect(error.code).to.equal('HOST_TOOL_MISSING');
    expect(error.hint).to.contain('apt-get install some-package');
    expect(findTool('no-such-tool')).to.equal(undefined);
  });

  it('that fail say why, with what they wrote last', async () => {
    const error = await failure(
      runTool(sh('for i in $(seq 100); do echo line $i >&2; done; echo "E: it broke" >&2; exit 3')),
    );
    expect(error.code).to.equal('HOST_TOOL_FAILED');
    expect(error.message).to.contain('E: it broke');
    expect(error.context).to.include({ status: 3 });
    expect(String(error.context.stderr).split('\n')).to.have.length(20);
  });

  it('are stopped when their time is over', async () => {
    expect((await failure(runTool({ ...sh('exec sleep 60'), timeoutMs: 50 }))).code).to.equal('WAIT_TIMEOUT');
  });

  it('are stopped when the operation is aborted', async () => {
    const abort = new AbortController();
    const running = runTool({ ...sh('exec sleep 60'), signal: abort.signal });
    abort.abort(new Error('enough'));
    expect(await running.catch((error: Error) => error.message)).to.equal('enough');
  });

  it('see no environment but what they are given', async () => {
    const { stdout } = await runTool({ ...sh('env'), env: { MINE: '1' } });
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    expect(names).to.include.members(['HOME', 'LC_ALL', 'MINE', 'PATH']);
    expect(names).to.not.include.members(['USER', 'npm_config_cache']);
  });

  it('die with their parent when asked to, and run all the same', async () => {
    const tool = spawnTool({ ...sh('echo ran'), dieWithParent: true });
    tool.stdout.resume();
    await tool.done;
  });

  it('with `commits` see the end of their input when it is whole; cut off, their read fails', async () => {
    const reads = { ...sh('cat; echo "cat: $?" >&2; exit 0'), commits: true };
    const whole: string[] = [];
    const tool = spawnTool({ ...reads, onMessage: (line) => whole.push(line) });
    tool.stdin.write('all of it');
    expect(await text(tool.stdout, () => tool.commit())).to.equal('all of it');
    await tool.done;
    const cut: string[] = [];
    const other = spawnTool({ ...reads, onMessage: (line) => cut.push(line) });
    other.stdin.write('half');
    expect(await text(other.stdout, () => other.stdin.destroy())).to.equal('half');
    await other.done;
    expect([whole, cut.at(-1)]).to.deep.equal([['cat: 0'], 'cat: 1']);
  });
});

/** Calls `then` when the first bytes have come. */
async function text(stream: Readable, then: () => unknown): Promise<string> {
  let all = '';
  for await (const chunk of stream) {
    if (all === '') await then();
    all += String(chunk);
  }
  return all;
}
