import { expect } from 'chai';
import * as ip from '../../../src/spec/ip.js';

const range = (text: string) => {
  const found = ip.parseRange(text);
  if (found === undefined) throw new Error(text);
  return found;
};

describe('IP addresses', () => {
  it('are printed as RFC 5952 wants them', () => {
    const cases = {
      '2001:DB8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
      '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
      '0:0:0:0:0:0:0:0': '::',
      '1:0:0:0:0:0:0:0': '1::',
      '::ffff:10.1.2.3': '::ffff:a01:203',
      '10.1.2.3': '10.1.2.3',
    };
    for (const [text, canonical] of Object.entries(cases)) {
      const address = ip.parseIp(text);
      expect(address && ip.formatIp(address), text).to.equal(canonical);
    }
  });

  it('survive bytes and back', () => {
    for (const text of ['0.0.0.1', '255.0.255.0', '::1', 'fd12:3456::1']) {
      expect(ip.ipFromBytes(ip.ipBytes(text))).to.equal(text);
    }
  });

  it('are refused if they are none', () => {
    for (const text of ['', '10.1.2', '10.1.2.256', 'fe80::1%eth0', 'x'])
      expect(ip.parseIp(text), text).to.equal(undefined);
  });
});

describe('IP ranges', () => {
  it('begin at their first address', () => {
    expect(ip.formatRange(range('10.88.3.4/16'))).to.equal('10.88.0.0/16');
    expect(ip.formatRange(range('fd00::5/64'))).to.equal('fd00::/64');
    expect(ip.parseRange('10.0.0.0/33')).to.equal(undefined);
    expect(ip.parseRange('10.0.0.0/8/8')).to.equal(undefined);
  });

  it('overlap or not', () => {
    expect(ip.rangesOverlap(range('10.0.0.0/8'), range('10.88.0.0/16'))).to.equal(true);
    expect(ip.rangesOverlap(range('10.88.0.0/16'), range('10.89.0.0/16'))).to.equal(false);
    expect(ip.rangesOverlap(range('0.0.0.0/0'), range('::/0'))).to.equal(false);
  });
});
