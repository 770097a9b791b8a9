/** Given to mocha as one more file of a run in native/build-sanitize/tree: fails it if a sanitizer has found something. */
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';

const directory = '/var/tmp/tszone-sanitize';

after('no sanitizer has found anything', () => {
  const reports = readdirSync(directory).map((name) => readFileSync(join(directory, name), 'utf8'));
  expect(reports.join('\n')).to.equal('');
  rmdirSync(directory);
});
