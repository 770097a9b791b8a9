import { expect } from 'chai';
import { allocateVethName, bridgeName, isOwnLink, randomMac, vethIndex } from '../../../src/netif/names.js';

describe('names of links', () => {
  it('fit into 15 characters', () => {
    expect(bridgeName('abc123', 999_999)).to.have.length(15);
    for (let round = 0; round < 100; round += 1) {
      const name = allocateVethName('abc123');
      expect(name).to.match(/^tzabc123v[0-9a-z]{1,6}$/);
      expect(vethIndex(name)).to.be.within(0x100_0000, 0x7fff_ffff);
    }
  });

  it('carry the index, also if the instance id could be mistaken for a part of it', () => {
    expect(vethIndex('tz00000bvzz')).to.equal(35 * 36 + 35);
  });

  it('are told from those of others', () => {
    expect(['tzabc123b0', 'tzabc123vabc'].every(isOwnLink)).to.equal(true);
    expect(['eth0', 'tz0', 'docker0', 'tzabc123', 'tzxyz123b0'].some(isOwnLink)).to.equal(false);
  });
});

describe('randomMac', () => {
  it('is locally administered and unicast', () => {
    for (let round = 0; round < 100; round += 1) expect(randomMac()).to.match(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
  });
});
