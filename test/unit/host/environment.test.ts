import { expect } from 'chai';
import { readEnvironment } from '../../../src/host/index.js';

describe('readEnvironment', () => {
  it('takes the roots and the proxies, and nothing else', () => {
    const variables = {
      TSZONE_ROOT: '/a',
      TSZONE_RUN_ROOT: '/b',
      https_proxy: 'http://p:1',
      NO_PROXY: 'x',
      HOME: '/root',
    };
    expect(readEnvironment(variables)).to.deep.equal({
      root: '/a',
      runRoot: '/b',
      proxies: { https_proxy: 'http://p:1', NO_PROXY: 'x' },
    });
  });

  it('takes an empty variable for none', () => {
    expect(readEnvironment({ TSZONE_ROOT: '', http_proxy: '' })).to.deep.equal({ proxies: {} });
  });
});
