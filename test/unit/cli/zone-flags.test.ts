import { expect } from 'chai';
import { parseCount, parseTime } from '../../../src/cli/times.js';
import { flagName, flagShapes, pairs, zoneFlags, zoneInput } from '../../../src/cli/zone-flags.js';
import { parseCopy } from '../../../src/cli/zone-path.js';
import { zoneSchema } from '../../../src/spec/schema.js';

describe('cli: flags of a zone', () => {
  it('are there for every field of the schema', () => {
    const without = ['name', 'image', 'command', 'ephemeral'];
    const fields = Object.keys(zoneSchema.entries).filter((field) => !without.includes(field));
    expect(Object.keys(flagShapes).sort()).to.deep.equal(fields.sort());
  });

  it('are described by the schema', () => {
    for (const [name, flag] of Object.entries(zoneFlags))
      expect(flag.description, name).to.be.a('string').that.is.not.equal('');
  });

  it('spell the field with dashes', () => {
    expect(flagName('memoryGuarantee')).to.equal('memory-guarantee');
  });

  it('become what the schema takes', () => {
    const flags = {
      memory: '512M',
      'cap-add': ['NET_ADMIN'],
      env: ['A=1', 'B=x=y'],
      'read-only': true,
      label: ['k=v'],
    };
    expect(zoneInput(flags)).to.deep.equal({
      memory: '512M',
      capAdd: ['NET_ADMIN'],
      env: { A: '1', B: 'x=y' },
      readOnly: true,
      label: { k: 'v' },
    });
  });

  it('leave out what was not given', () => {
    expect(zoneInput({})).to.deep.equal({});
  });

  it('switch off what --no-… says', () => {
    expect(zoneInput({ tty: false })).to.deep.equal({ tty: false });
  });

  it('put --ip into the default network', () => {
    expect(zoneInput({ ip: '10.1.0.5/16' })).to.deep.equal({ net: ['bridge=default,ip=10.1.0.5/16'] });
    expect(zoneInput({ ip: 'fd00::5/64', net: ['bridge=lab'] })).to.deep.equal({ net: ['bridge=lab,ip6=fd00::5/64'] });
    expect(() => zoneInput({ ip: '10.1.0.5/16', net: ['none'] })).to.throw('"--ip"');
  });

  it('take a variable of the caller by its name alone', () => {
    process.env.TSZONE_TEST_VARIABLE = 'here';
    expect(pairs(['TSZONE_TEST_VARIABLE'], 'env')).to.deep.equal({ TSZONE_TEST_VARIABLE: 'here' });
    delete process.env.TSZONE_TEST_VARIABLE;
    expect(() => pairs(['TSZONE_TEST_VARIABLE'], 'env')).to.throw('NAME=VALUE');
  });

  it('let --dns inherit stand for none', () => {
    expect(zoneInput({ dns: ['inherit'] })).to.deep.equal({ dns: [] });
  });
});

describe('cli: paths of cp', () => {
  it('tell the zone by the colon', () => {
    expect(parseCopy('a.txt', 'web:/tmp/')).to.deep.equal({
      direction: 'in',
      zone: 'web',
      zonePath: '/tmp/',
      hostPath: 'a.txt',
    });
    expect(parseCopy('web:etc', '.')).to.deep.equal({ direction: 'out', zone: 'web', zonePath: 'etc', hostPath: '.' });
  });

  it('take ./a:b for a path here', () => {
    expect(parseCopy('./a:b', 'web:')).to.deep.equal({
      direction: 'in',
      zone: 'web',
      zonePath: '/',
      hostPath: './a:b',
    });
  });

  it('refuse two zones and none', () => {
    expect(() => parseCopy('a:/x', 'b:/y')).to.throw('both paths');
    expect(() => parseCopy('a', 'b')).to.throw('neither path');
  });
});

describe('cli: times and counts', () => {
  it('read a date, or how long ago', () => {
    expect(parseTime('10m', '--since', 1_000_000)).to.equal(400_000);
    expect(parseTime('2026-01-31T12:00:00Z', '--since')).to.equal(Date.UTC(2026, 0, 31, 12));
    expect(() => parseTime('yesterday', '--since')).to.throw('"--since"');
  });

  it('read whole numbers only', () => {
    expect(parseCount('100', '--tail')).to.equal(100);
    expect(() => parseCount('-1', '--tail')).to.throw('"--tail"');
  });
});
