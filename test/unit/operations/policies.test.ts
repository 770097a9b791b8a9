import { expect } from 'chai';
import { wantsBoot } from '../../../src/operations/boot-zones.js';
import { backoffMs, wantsRestart } from '../../../src/operations/handle-exit.js';
import { parseLogLine } from '../../../src/operations/read-logs.js';
import { parseZoneOptions } from '../../../src/spec/index.js';
import type { ZoneRecord } from '../../../src/state/index.js';

function record(
  options: { restart?: string; autostart?: 'yes' | 'no' | 'last' },
  extra: Partial<ZoneRecord> = {},
): ZoneRecord {
  return {
    version: 1,
    spec: parseZoneOptions({ name: 'a', image: 'sparse', ...options }),
    image: { name: 'sparse', kind: 'sparse', layers: [], arch: 'amd64', config: {} },
    ids: { base: 0x1000_0000, count: 65_536 },
    machineId: '0'.repeat(32),
    createdAtMs: 0,
    stoppedByUser: false,
    restarts: 0,
    ...extra,
  };
}

describe('restart policies', () => {
  for (const [restart, status, restarts, wanted] of [
    ['no', 1, 0, false],
    ['always', 0, 99, true],
    ['unless-stopped', 0, 0, true],
    ['on-failure', 0, 0, false],
    ['on-failure', 1, 99, true],
    ['on-failure:2', 1, 1, true],
    ['on-failure:2', 1, 2, false],
  ] as const) {
    it(`${restart}, status ${status}, after ${restarts} restarts: ${wanted ? 'again' : 'left'}`, () => {
      expect(wantsRestart(record({ restart }, { restarts }), status)).to.equal(wanted);
    });
  }

  it('never restarts what a user stopped', () => {
    expect(wantsRestart(record({ restart: 'always' }, { stoppedByUser: true }), 1)).to.equal(false);
  });

  it('waits longer each time, a minute at most', () => {
    expect([0, 1, 5, 20].map(backoffMs)).to.deep.equal([100, 200, 3200, 60_000]);
  });
});

describe('autostart', () => {
  for (const [options, stoppedByUser, wanted] of [
    [{}, false, false],
    [{ autostart: 'yes' }, true, true],
    [{ autostart: 'last' }, false, true],
    [{ autostart: 'last' }, true, false],
    [{ restart: 'always' }, true, true],
    [{ restart: 'unless-stopped' }, true, false],
  ] as const) {
    it(`${JSON.stringify(options)}, ${stoppedByUser ? '' : 'not '}stopped by a user: ${wanted ? 'started' : 'left'}`, () => {
      expect(wantsBoot(record(options, { stoppedByUser }))).to.equal(wanted);
    });
  }
});

describe('a spare', () => {
  it("is not started by boot: it is nobody's yet", () => {
    expect(wantsBoot(record({ autostart: 'yes', restart: 'always' }, { spareOf: 'sparse' }))).to.equal(false);
  });
});

describe('log lines', () => {
  it('have a time, a stream and a text', () => {
    expect(parseLogLine('2026-01-02T03:04:05.678Z stderr a b')).to.deep.equal({
      time: '2026-01-02T03:04:05.678Z',
      stream: 'stderr',
      text: 'a b',
    });
    expect(parseLogLine('2026-01-02T03:04:05.678Z stdout')?.text).to.equal('');
  });

  it('are nothing else', () => expect(parseLogLine('torn line')).to.equal(undefined));
});
