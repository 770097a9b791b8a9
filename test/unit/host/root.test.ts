import { expect } from 'chai';
import { requireRoot } from '../../../src/host/index.js';

describe('requireRoot', () => {
  it('lets root through', () => {
    expect(() => requireRoot({ isRoot: true })).to.not.throw();
  });

  it('tells others how', () => {
    try {
      requireRoot({ isRoot: false }, 'tszone start web');
    } catch (error) {
      expect(error).to.include({ code: 'NOT_ROOT', exitStatus: 9, hint: 'Run "sudo tszone start web".' });
      return;
    }
    expect.fail('accepted');
  });
});
