import { expect } from 'chai';
import { crc32c } from '../../../src/storage/crc32c.js';

describe('crc32c', () => {
  it('is that of RFC 3720, before its last inversion', () => {
    const checksum = (data: Uint8Array) => ~crc32c(data) >>> 0;
    expect(checksum(Buffer.from('123456789'))).to.equal(0xe3069283);
    expect(checksum(new Uint8Array(32))).to.equal(0x8a9136aa);
    expect(checksum(new Uint8Array(32).fill(0xff))).to.equal(0x62a8ab43);
  });
});
