import { expect } from 'chai';
import { ZoneError } from '../../../src/errors/index.js';
import { changeSpec, parseZoneChange, parseZoneOptions, type SpecIssue, unsetSpec } from '../../../src/spec/index.js';

const minimal = { name: 'web', image: 'sparse' };

function issuesOf(input: unknown): readonly SpecIssue[] {
  try {
    parseZoneOptions(input);
  } catch (error) {
    if (error instanceof ZoneError && error.code === 'SPEC_INVALID') return error.context.issues as SpecIssue[];
    throw error;
  }
  return [];
}

describe('parsing a spec', () => {
  it('applies defaults once and turns texts into numbers', () => {
    const spec = parseZoneOptions({
      ...minimal,
      memory: '128M',
      cpus: '0.5',
      pids: '64',
      umask: '027',
      stopSignal: 'SIGUSR1',
    });
    expect(spec).to.include({
      memory: 134_217_728,
      cpus: 0.5,
      pids: 64,
      umask: 0o027,
      stopSignal: 10,
      stopTimeout: 10_000,
    });
    expect(spec.net).to.deep.equal({ kind: 'bridge', interfaces: [{ network: 'default', name: 'eth0' }] });
  });

  it('survives a round trip through JSON', () => {
    const spec = parseZoneOptions({
      ...minimal,
      memory: 'unlimited',
      pids: 'unlimited',
      port: ['8080:80'],
      env: { A: 'b=c' },
    });
    expect(JSON.parse(JSON.stringify(spec))).to.deep.equal(spec);
    expect(spec).not.to.have.any.keys('memory', 'pids');
  });

  it('names the nearest known key', () => {
    expect(issuesOf({ ...minimal, memoy: '1G' })).to.deep.equal([
      { path: 'memoy', message: 'is not known; did you mean "memory"?' },
    ]);
  });

  it('collects every issue, not only the first', () => {
    expect(issuesOf({ name: 'Not A Name', image: '..', memory: '12X' }).map(({ path }) => path)).to.deep.equal([
      'name',
      'image',
      'memory',
    ]);
  });

  it('says what is missing', () => {
    expect(issuesOf({ image: 'sparse' })).to.deep.equal([{ path: 'name', message: 'is missing' }]);
  });

  for (const [what, extra, path] of [
    ['a port without an interface', { port: ['80:80'], net: 'none' }, 'port'],
    ['init none without a command', { init: 'none' }, 'init'],
    ['a command for the image’s own init', { init: 'full', command: ['sh'] }, 'command'],
    ['restarts of a zone that is deleted', { ephemeral: true, restart: 'always' }, 'restart'],
    ['one mount point twice', { mount: ['/a:/x', '/b:/x'] }, 'mount'],
    ['one host port twice', { port: ['80:1', '80:2'] }, 'port'],
    ['swap without memory', { swap: '1G' }, 'swap'],
    ['a guarantee above the ceiling', { memory: '64M', memoryGuarantee: '128M' }, 'memoryGuarantee'],
    ['NUL in an argument', { command: ['a\0b'] }, 'command.0'],
    ['NUL in the environment', { env: { A: 'a\0b' } }, 'env.A'],
  ] as const) {
    it(`refuses ${what}`, () =>
      expect(issuesOf({ ...minimal, ...extra }).map((issue) => issue.path)).to.deep.equal([path]));
  }
});

describe('changing a spec', () => {
  const spec = parseZoneOptions({ ...minimal, memory: '64M', label: { a: 'b' } });

  it('changes only what is given', () => {
    const changed = changeSpec(spec, parseZoneChange({ cpus: 2 }));
    expect(changed).to.deep.equal({ ...spec, cpus: 2 });
  });

  it('lifts a limit', () => {
    expect(changeSpec(spec, parseZoneChange({ memory: 'unlimited' }))).not.to.have.property('memory');
  });

  it('checks the whole that comes out', () => {
    expect(() => changeSpec(spec, parseZoneChange({ memoryGuarantee: '128M' }))).to.throw('memoryGuarantee');
  });

  it('goes back to defaults', () => {
    expect(unsetSpec(spec, ['memory', 'label'])).to.deep.equal(parseZoneOptions(minimal));
  });

  it('does not let a zone be renamed by set', () => {
    expect(() => parseZoneChange({ name: 'x' })).to.throw('"name" is not known');
  });
});
