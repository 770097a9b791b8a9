import { expect } from 'chai';
import fc from 'fast-check';
import { createDetachKeys } from '../../src/cli/attached.js';
import { formatCsv } from '../../src/cli/csv.js';
import { splitPassThrough } from '../../src/cli/parse.js';
import { printable } from '../../src/cli/printable.js';
import { formatYaml } from '../../src/cli/yaml.js';

const limit = { interruptAfterTimeLimit: 10_000, numRuns: 1000 };

/** RFC 4180, read back. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/y;
  let row: string[] = [];
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (match === null) throw new Error(`not csv at ${field.lastIndex}`);
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '\n') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

describe('command line properties', () => {
  it('csv reads back as what was written', () => {
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(fc.string(), { minLength: width, maxLength: width })));
    fc.assert(
      fc.property(table, (rows) => {
        expect(parseCsv(formatCsv(['h'], rows)).slice(1)).to.deep.equal(rows);
      }),
      limit,
    );
  });

  it('yaml has one line for every scalar, and no control characters of its own', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), {
          minKeys: 1,
        }),
        (data) => {
          expect(formatYaml(data).split('\n')).to.have.length(Object.keys(data).length + 1);
        },
      ),
      limit,
    );
  });

  it('no printable text holds an escape or a newline where one line is asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
        expect(printable(text, { oneLine: true })).to.not.match(/[\u0000-\u001f\u007f-\u009f]/);
      }),
      limit,
    );
  });

  it('a command in a zone gets its words as they are', () => {
    const word = fc.string().filter((text) => text !== '--');
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]+$/), fc.array(word), fc.boolean(), (zone, words, dashes) => {
        const argv = [zone, ...(dashes ? ['--'] : []), ...words];
        expect(splitPassThrough({}, argv)).to.deep.equal({ own: [zone], rest: words });
      }),
      limit,
    );
  });

  it('typing without Ctrl-] twice loses nothing, however it is cut', () => {
    const typed = fc
      .array(fc.constantFrom(0x1d, 0x61, 0x0d))
      .filter((bytes) => !bytes.some((byte, at) => byte === 0x1d && bytes[at + 1] === 0x1d));
    fc.assert(
      fc.property(typed, fc.integer({ min: 1, max: 4 }), (bytes, size) => {
        const keys = createDetachKeys();
        const passed: number[] = [];
        for (let at = 0; at < bytes.length; at += size) {
          const { pass, detach } = keys(Buffer.from(bytes.slice(at, at + size)));
          expect(detach).to.equal(false);
          passed.push(...pass);
        }
        // A last Ctrl-] waits for the key that follows it.
        expect(passed).to.deep.equal(bytes.at(-1) === 0x1d ? bytes.slice(0, -1) : bytes);
      }),
      limit,
    );
  });
});
