import { expect } from 'chai';
import { changedRules, formatRule, mergeRules, parseRule } from '../../../src/cgroups/device-rule.js';
import { planDeviceRules, planZoneCgroups } from '../../../src/cgroups/index.js';
import { layoutV1, layoutV2 } from './layouts.js';

const rules = (...texts: string[]) => texts.map(parseRule);
const web = { instance: '0a1b2c', zone: 'web' };

describe('rules for devices', () => {
  it('are written and read as the kernel has them', () => {
    for (const text of ['c 1:3 rwm', 'b 7:0 r', 'c 136:* rw']) expect(formatRule(parseRule(text))).to.equal(text);
    for (const text of ['a *:* rwm', 'c 1 r', 'd 1:3 r', 'c 1:3', 'c *:* m'])
      expect(() => parseRule(text), text).to.throw('no rule');
  });

  it('are one for each device', () => {
    expect(mergeRules(rules('c 1:3 w', 'b 1:3 r', 'c 1:3 r')).map(formatRule)).to.deep.equal(['c 1:3 rw', 'b 1:3 r']);
  });

  it('change by the letters that differ, and touch no others', () => {
    const { deny, allow } = changedRules(rules('c 1:3 rw', 'c 10:229 rw', 'b 7:0 r'), rules('c 1:3 rw', 'b 7:0 w'));
    expect(deny.map(formatRule)).to.deep.equal(['c 10:229 rw', 'b 7:0 r']);
    expect(allow.map(formatRule)).to.deep.equal(['b 7:0 w']);
  });

  it('are written before a zone starts on v1, and go to the helper on v2', () => {
    const devices = rules('b 7:0 r').map((rule) => ({ ...rule, minor: 0 }));
    const v1 = planZoneCgroups({ layout: layoutV1(), ...web, limits: {}, devices });
    const list = v1.prepare.find((op) => op.op === 'cgroup.devices');
    expect(list?.op === 'cgroup.devices' ? list.allow : [])
      .to.include('b 7:0 r')
      .and.not.include('c *:* m');
    expect(v1.enter.some(({ op }) => op === 'cgroup.program')).to.equal(false);
    const v2 = planZoneCgroups({ layout: layoutV2(), ...web, limits: {}, devices });
    expect(v2.prepare.some(({ op }) => op === 'cgroup.devices')).to.equal(false);
    expect(v2.enter.at(-1)).to.include({ op: 'cgroup.program', path: '/cg/tszone/0a1b2c/web' });
  });

  it('are refused where no controller and no program can hold them', () => {
    const { devices: _, ...controllers } = layoutV1().controllers;
    const without = { ...layoutV1(), controllers };
    for (const plan of [
      () => planZoneCgroups({ layout: without, ...web, limits: {} }),
      () => planDeviceRules({ layout: without, ...web, before: [], after: [] }),
    ])
      expect(plan).to.throw().that.includes({ code: 'CGROUP_CONTROLLER_MISSING' }).and.has.property('hint');
    const inside = { ...without, devicesAbove: true as const };
    expect(() => planZoneCgroups({ layout: inside, ...web, limits: {} })).to.not.throw();
    expect(() => planZoneCgroups({ layout: inside, ...web, limits: {}, devices: rules('c 10:229 rw') }))
      .to.throw()
      .that.includes({ code: 'HOST_FEATURE_MISSING' });
  });
});
