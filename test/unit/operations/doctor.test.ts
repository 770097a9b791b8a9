import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { formatReport } from '../../../src/cli/report.js';
import { probeHost } from '../../../src/host/index.js';
import { doctor } from '../../../src/operations/doctor.js';
import { dryRunDoctorFix } from '../../../src/operations/dry-run-host.js';
import { idLedger } from '../../../src/state/id-register-file.js';
import { claimIds, leaseIds } from '../../../src/state/index.js';
import { farIds } from '../../helpers/far-ids.js';
import { requires } from '../../helpers/requires.js';

describe('doctor --fix', () => {
  before(requires('root'));
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tszone-doctor-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('frees the user ids of zones that are gone, and says so', async () => {
    const roots = { root: join(directory, 'root'), runRoot: '', instance: 'aaaaaa' };
    await mkdir(join(roots.root, 'zones', 'here'), { recursive: true });
    const kept = await leaseIds(roots, 'here', { directory });
    const freed = await claimIds(roots, 'gone', farIds, { directory });
    const options = { sysctl: { file: join(directory, 'sysctl.conf'), prefix: directory }, ids: { directory } };
    const host = { facts: await probeHost(), roots };
    expect((await doctor(host, options)).fixed).to.equal(undefined);
    const plan = await dryRunDoctorFix(host.facts, options, undefined);
    const said = plan.steps.map(({ op, text }) => `${op.op} ${text}`).join('\n');
    expect(said).to.include(`state.ids-release free user ids ${freed.base}`).and.not.include('"here"');
    expect(idLedger(directory).refresh().all().length).to.equal(2);
    const report = await doctor(host, { ...options, fix: true });
    expect(report.fixed?.freedIds).to.deep.equal([{ root: roots.root, zone: 'gone', ...freed }]);
    expect(formatReport(report)).to.contain(`freed user ids ${freed.base}`).and.contain('"gone"');
    const left = idLedger(directory).refresh().all();
    expect(left.map(({ base }) => base)).to.deep.equal([kept.base]);
  });
});
