import { expect } from 'chai';
import { asZoneError, exitStatusOf, formatError, refine, withOptionHint } from '../../../src/cli/print-error.js';
import { zoneError } from '../../../src/errors/index.js';

const running = zoneError('ZONE_RUNNING', 'zone "web" is running', {
  hint: 'Run "tszone stop web" first.',
  context: { zone: 'web' },
});
const style = { exitStatus: 4, debug: false, color: false } as const;

describe('cli: errors', () => {
  it('prints message and hint', () => {
    expect(formatError(running, { ...style, format: 'table' })).to.equal(
      'error: zone "web" is running\nhint: Run "tszone stop web" first.\n',
    );
  });

  it('prints one line of JSON with -o json', () => {
    const printed = formatError(running, { ...style, format: 'json' });
    expect(printed.match(/\n/g)).to.have.length(1);
    expect(JSON.parse(printed)).to.deep.equal({
      error: {
        code: 'ZONE_RUNNING',
        message: 'zone "web" is running',
        hint: 'Run "tszone stop web" first.',
        exitStatus: 4,
        context: { zone: 'web' },
      },
    });
  });

  it('strips what a name from a zone could do to the terminal', () => {
    const sly = zoneError('ZONE_NOT_FOUND', 'zone "\u001b[2Jx" does not exist');
    expect(formatError(sly, { ...style, format: 'table' })).to.equal('error: zone "[2Jx" does not exist\n');
  });

  it('shows the stack and its causes only when debugging, that of a bug always', () => {
    const caused = zoneError('ZONE_STATE', 'outer', { cause: new Error('inner') });
    expect(formatError(caused, { ...style, format: 'table' })).to.not.contain('inner');
    expect(formatError(caused, { ...style, format: 'table', debug: true })).to.contain('caused by: Error: inner');
  });

  it("ends with the kind's status, with 125 where the status is a command's", () => {
    expect(exitStatusOf(running, false)).to.equal(4);
    expect(exitStatusOf(running, true)).to.equal(125);
  });

  it('ends with 126 or 127 when the command of exec cannot be run', () => {
    const failed = (status: number, step = 'exec.path') =>
      zoneError('KERNEL_STEP_FAILED', 'x', { context: { step, status } });
    expect(exitStatusOf(failed(127), true)).to.equal(127);
    expect(exitStatusOf(failed(126), true)).to.equal(126);
    expect(exitStatusOf(failed(126, 'mnt.fs'), true)).to.equal(125);
    expect(exitStatusOf(failed(127), false)).to.equal(7);
  });

  it('calls a full disk what it is, and everything unknown a bug', () => {
    const full = Object.assign(new Error('write'), { code: 'ENOSPC', path: '/x' });
    expect(refine(full)).to.include({ code: 'RESOURCE_DISK_FULL', exitStatus: 6 });
    expect(asZoneError(new TypeError('x is not a function'))).to.include({ code: 'INTERNAL', exitStatus: 1 });
    const text = formatError(asZoneError(new TypeError('x is not a function')), { ...style, format: 'table' });
    expect(text).to.match(/^error: x is not a function\nhint: This is a bug: .*\n.*\ncaused by: TypeError: .*\n +at /s);
    expect(asZoneError(running)).to.equal(running);
  });

  it('says where options go when one was not found as a command', () => {
    const notFound = (path: string) =>
      zoneError('KERNEL_STEP_FAILED', `exec.path "${path}" failed`, {
        hint: 'Check that the path exists.',
        context: { step: 'exec.path', status: 127, path },
      });
    const option = withOptionHint(notFound('-u'));
    expect(option.hint).to.match(/^Options go before the name of the zone .*tszone exec -u … ZONE -- COMMAND$/);
    expect(exitStatusOf(option, true)).to.equal(127);
    expect(withOptionHint(notFound('lss')).hint).to.equal('Check that the path exists.');
  });
});
