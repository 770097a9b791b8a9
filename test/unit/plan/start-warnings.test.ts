import { expect } from 'chai';
import { startWarnings } from '../../../src/plan/index.js';
import { parseZoneOptions } from '../../../src/spec/index.js';
import { layoutV1, layoutV2 } from '../cgroups/layouts.js';

describe('what is warned of when a zone is started', () => {
  const warnings = (options: object, cgroup = layoutV1()) =>
    startWarnings(parseZoneOptions({ name: 'web', image: 'sparse', ...options }), { cgroup }).join('\n');

  it('is that its groups take memory that nobody counts, where it may make them and cgroup v1 has them', () => {
    expect(warnings({ nesting: true })).to.match(/namespaces.*\nwarning: zone "web" may make 1024 cgroups/);
    expect(warnings({ nesting: true }, layoutV2()))
      .to.match(/namespaces/)
      .and.not.match(/cgroups/);
    expect(warnings({ nesting: true }, layoutV1('/cg', ['freezer', 'devices'])), 'none of its own').to.not.match(
      /cgroups/,
    );
    expect(warnings({})).to.equal('');
    expect(warnings({ privileged: true }))
      .to.match(/privileged/)
      .and.not.match(/cgroups/);
  });
});
