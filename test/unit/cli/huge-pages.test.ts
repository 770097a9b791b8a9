import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { forgetHugePages } from '../../../src/cli/huge-pages.js';

describe('the huge pages that the native entry asks for', () => {
  const source = readFileSync(new URL('../../../native/handover.c', import.meta.url), 'utf8');
  const asked = /setenv\("GLIBC_TUNABLES", "([^"]+)", 0\)/.exec(source)?.[1];

  it('are asked of nobody who is started from here', () => {
    const env = { GLIBC_TUNABLES: asked, HOME: '/root' };
    forgetHugePages(env);
    expect(env).to.deep.equal({ HOME: '/root' });
  });

  it('leave a user’s own settings of the allocator alone', () => {
    const env = { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
    forgetHugePages(env);
    expect(env).to.deep.equal({ GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' });
  });
});
