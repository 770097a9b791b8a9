/** How the native programs are built, read from what was built: by readelf and nm, as users would look. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const build = fileURLToPath(new URL('../../../native/build', import.meta.url));
const read = (tool: string, ...args: readonly string[]) => execFileSync(tool, args, { encoding: 'utf8' });
const segments = (program: string) => read('readelf', '-lW', join(build, program)).split('\n');

for (const program of ['tszone', 'tszone-helper', 'tszone-init']) {
  describe(`the program ${program}`, () => {
    it('is static: no interpreter, no library', () => {
      expect(segments(program).filter((line) => /INTERP/.test(line))).to.deep.equal([]);
      expect(read('readelf', '-dW', join(build, program))).not.to.match(/NEEDED/);
    });

    it('is at another address in each run', () => {
      expect(read('readelf', '-hW', join(build, program))).to.match(/Type:\s+DYN/);
      expect(read('readelf', '-dW', join(build, program))).to.match(/FLAGS_1.*PIE/);
    });

    it('has all that is relocated read-only, and bound at its start', () => {
      expect(segments(program).filter((line) => /GNU_RELRO/.test(line))).to.have.length(1);
      expect(read('readelf', '-dW', join(build, program)))
        .to.match(/BIND_NOW|FLAGS_1.*NOW/)
        .and.not.match(/TEXTREL/);
    });

    it('has no memory that can be written and executed, the stack neither', () => {
      const flags = segments(program).filter((line) => /^\s+(LOAD|GNU_STACK)/.test(line));
      expect(flags.length).to.be.greaterThan(2);
      for (const line of flags) expect(line).not.to.match(/ (RWE|WE) /);
    });
  });
}

describe('the native objects', () => {
  it('check the stack wherever an array lies on it', () => {
    for (const name of ['user.o', 'exec.o', 'path.o', 'report.o', 'unpack_path.o']) {
      expect(read('nm', join(build, 'obj', name)), name).to.include('__stack_chk_fail');
    }
  });
});
