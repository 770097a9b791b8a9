import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ZoneError } from '../../../src/errors/index.js';
import {
  findTemplate,
  listTemplates,
  readTemplate,
  tagChoices,
  templateNames,
  templateSchema,
} from '../../../src/images/template.js';

describe('templates', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tszone-template-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function refusal(template: unknown): Promise<ZoneError> {
    writeFileSync(join(folder, 'template.json'), typeof template === 'string' ? template : JSON.stringify(template));
    const error = await readTemplate(folder).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    if (!(error instanceof ZoneError)) throw new Error(`not refused: ${String(error)}`);
    expect(error.code).to.equal('TEMPLATE_INVALID');
    return error;
  }

  const busybox = { templateVersion: 1, name: 'b', kind: 'busybox', description: 'd', package: 'busybox-static' };

  it('that are shipped are all valid, and named like their folders', async () => {
    const templates = await listTemplates();
    expect(templates.map(({ name }) => name)).to.deep.equal(await templateNames());
    expect(templates.map(({ kind }) => kind)).to.include.members(['sparse', 'busybox', 'debian']);
  });

  it('name the nearest key for one that is not known', async () => {
    expect((await refusal({ ...busybox, packge: 'x' })).message).to.contain(
      '"packge" is not known; did you mean "package"',
    );
    expect((await refusal({ ...busybox, config: { inti: 'full' } })).message).to.contain('did you mean "init"');
  });

  it('are refused with every issue at once', async () => {
    const { context } = await refusal({ templateVersion: 2, name: 'X', kind: 'busybox', package: 'p' });
    expect(context.issues).to.have.length(3);
  });

  it('are refused when they are not JSON, or of an unknown kind', async () => {
    await refusal('{');
    await refusal({ ...busybox, kind: 'arch' });
  });

  it('that are not there, or no JSON, are told apart; the place is named', async () => {
    expect((await refusal('{\n  "name": "x",,\n}')).message).to.match(
      /is not valid: it is no JSON: .*position 16.* line 2,? column 15\)?$/,
    );
    expect((await refusal('{ "name": x }')).message).to.match(/it is no JSON: .*'?x'?.*not valid/);
    const error = await readTemplate(join(folder, 'nowhere')).then(
      () => undefined,
      (found: unknown) => found as Error,
    );
    expect(error?.message).to.equal(`there is no template at "${join(folder, 'nowhere')}"`);
  });

  it('are refused for a limit that no zone of theirs could have', async () => {
    const { message } = await refusal({ ...busybox, config: { limits: { memory: '12Q', pids: 20 } } });
    expect(message).to.contain('"config.limits.memory" is not a size such as 512M');
    expect((await refusal({ ...busybox, config: { limits: { cpu: 1 } } })).message).to.contain('did you mean "cpus"');
  });

  it('are not found below other folders', async () => {
    mkdirSync(join(folder, 'one'));
    writeFileSync(join(folder, 'one/template.json'), JSON.stringify(busybox));
    expect(await findTemplate('one', folder)).to.include({ name: 'b' });
    expect(await findTemplate('../one', folder)).to.equal(undefined);
    expect(await findTemplate('', folder)).to.equal(undefined);
  });

  it('are described in the reference, key by key', () => {
    const reference = readFileSync(new URL('../../../docs/reference/templates.md', import.meta.url), 'utf8');
    const documented = [...reference.matchAll(/^\| `(\w+)` \| (?:all|sparse|busybox|debian|archive|layered) \|/gm)].map(
      ([, key]) => key,
    );
    const keys = new Set(templateSchema.options.flatMap((option) => Object.keys(option.entries)));
    expect(documented.sort()).to.deep.equal([...keys].sort());
  });

  it('of debian offer its suites, the first one as the default', async () => {
    const debian = await findTemplate('debian');
    if (debian === undefined) throw new Error('debian is missing');
    const choices = tagChoices(debian);
    expect(choices).to.include({ defaultSuite: 'bookworm' });
    expect(choices.arches).to.include.members(['amd64', 'i386']);
  });
});
