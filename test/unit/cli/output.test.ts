import { expect } from 'chai';
import { formatCsv } from '../../../src/cli/csv.js';
import { done, doneAll, list, record, render, text } from '../../../src/cli/output.js';
import { printable } from '../../../src/cli/printable.js';
import { formatTable } from '../../../src/cli/table.js';
import { formatYaml } from '../../../src/cli/yaml.js';
import { formatSize } from '../../../src/spec/index.js';

const rows = [
  { name: 'web', sizeBytes: 536_870_912 },
  { name: 'db', sizeBytes: 1024 },
];
const zones = list(
  rows,
  [
    { key: 'name', text: (row) => row.name },
    { key: 'sizeBytes', text: (row) => formatSize(row.sizeBytes) },
  ],
  (row) => row.name,
);
const show = (format: 'table' | 'json' | 'jsonl' | 'yaml' | 'csv', more: { quiet?: boolean; columns?: string } = {}) =>
  render(zones, { format, quiet: false, ...more });

describe('cli: output', () => {
  it('shows sizes for people in a table', () => {
    expect(show('table')).to.equal('NAME  SIZE BYTES\nweb   512M\ndb    1K\n');
  });

  it('shows numbers to programs', () => {
    expect(JSON.parse(show('json'))).to.deep.equal(rows);
    expect(show('csv')).to.equal('name,sizeBytes\nweb,536870912\ndb,1024\n');
    expect(
      show('jsonl')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).to.deep.equal(rows);
  });

  it('prints names only with -q, whatever the format', () => {
    expect(show('json', { quiet: true })).to.equal('web\ndb\n');
  });

  it('shows chosen columns in the order given', () => {
    expect(show('table', { columns: 'sizebytes,NAME' })).to.equal(
      'SIZE BYTES  NAME\n512M        web\n1K          db\n',
    );
    expect(JSON.parse(show('json', { columns: 'name' }))).to.deep.equal([{ name: 'web' }, { name: 'db' }]);
  });

  it('names the nearest column of an unknown one', () => {
    expect(() => show('table', { columns: 'nam' }))
      .to.throw('unknown column "nam"')
      .with.property('hint')
      .that.contains('"name"');
  });

  it('shows an empty list as a heading, and as [] to programs', () => {
    const none = list<{ name: string }>([], [{ key: 'name', text: ({ name }) => name }], ({ name }) => name);
    expect(render(none, { format: 'table', quiet: false })).to.equal('NAME\n');
    expect(render(none, { format: 'json', quiet: false })).to.equal('[]\n');
  });

  it('shows one thing as lines, several deeds as a list', () => {
    const one = done('web', 'zone "web" is running', { name: 'web', pid: 1 });
    expect(render(doneAll([one]), { format: 'json', quiet: false })).to.equal('{\n  "name": "web",\n  "pid": 1\n}\n');
    expect(JSON.parse(render(doneAll([one, one]), { format: 'json', quiet: false }))).to.have.length(2);
    expect(render(doneAll([one, one]), { format: 'table', quiet: true })).to.equal('web\nweb\n');
    expect(render(record('web', {}, [['status', 'running']]), { format: 'table', quiet: false })).to.equal(
      'status:  running\n',
    );
    expect(render(text('as it is'), { format: 'json', quiet: false })).to.equal('as it is');
  });
});

describe('cli: text from a zone', () => {
  it('loses what would drive the terminal', () => {
    expect(printable('a\u001b[31mred\u0007\u009b2J\u202egnp')).to.equal('a[31mred2Jgnp');
    expect(printable('tab\there\nand there')).to.equal('tab\there\nand there');
  });

  it('stays on its line in a table', () => {
    expect(formatTable(['command'], [['sh -c "a\nb"\u001b]0;x\u0007']])).to.equal('COMMAND\nsh -c "a b"]0;x\n');
  });
});

describe('cli: csv and yaml', () => {
  it('quotes csv fields that need it', () => {
    expect(formatCsv(['a'], [['x,y'], ['say "hi"'], [undefined], [['l']]])).to.equal(
      'a\n"x,y"\n"say ""hi"""\n\n"[""l""]"\n',
    );
  });

  it('quotes yaml words that would be read as something else', () => {
    expect(formatYaml({ a: 'no', b: '12', c: 'plain text', d: '', e: 'x: y', f: null, g: 1.5 })).to.equal(
      'a: "no"\nb: "12"\nc: plain text\nd: ""\ne: "x: y"\nf: null\ng: 1.5\n',
    );
  });

  it('nests mappings and lists', () => {
    expect(formatYaml({ list: [{ a: 1, b: 2 }, 'x'], none: [], empty: {} })).to.equal(
      'list:\n  - a: 1\n    b: 2\n  - x\nnone: []\nempty: {}\n',
    );
    expect(formatYaml([{ a: 1 }])).to.equal('- a: 1\n');
  });
});
