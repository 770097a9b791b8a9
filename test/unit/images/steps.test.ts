import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { planSteps } from '../../../src/images/steps.js';
import type { LayeredTemplate } from '../../../src/images/template.js';

describe('files that a template names', () => {
  let directory: string;
  let folder: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tszone-steps-'));
    folder = join(directory, 'folder');
    mkdirSync(join(folder, 'sub'), { recursive: true });
    writeFileSync(join(directory, 'secret'), 'of the host');
    writeFileSync(join(folder, 'sub/inside'), 'of the template');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const read = async (source: string): Promise<string> => {
    const steps = [{ files: [{ path: '/x', source }] }];
    const [step] = await planSteps({ steps } as unknown as LayeredTemplate, folder, { layers: [], arch: 'amd64' });
    return step?.kind === 'files' ? String(step.files[0]?.content) : '';
  };
  const refused = (source: string): Promise<string> =>
    read(source).then(
      () => 'taken',
      ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
    );

  it('are read, through links inside of its folder, too', async () => {
    symlinkSync('sub', join(folder, 'link'));
    expect(await read('sub/inside')).to.equal('of the template');
    expect(await read('link/inside')).to.equal('of the template');
  });

  it('are refused where a link leads out of it: that would put files of the host into an image', async () => {
    symlinkSync('../secret', join(folder, 'secret'));
    symlinkSync(directory, join(folder, 'up'));
    for (const source of ['secret', 'up/secret'])
      expect(await refused(source)).to.match(/^TEMPLATE_INVALID .* leads out of the template's folder$/);
  });

  it('are refused if they are none, without waiting for whoever writes to a fifo', async () => {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    for (const source of ['fifo', 'sub', 'nothing'])
      expect(await refused(source)).to.match(/^TEMPLATE_INVALID .* is not a file$/);
  });
});
