import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { checkExec, type ExecInput } from '../../../src/operations/exec-input.js';

function issuesOf(input: unknown): string[] {
  try {
    checkExec(input as ExecInput);
    return [];
  } catch (error) {
    if (!hasCode(error, 'SPEC_INVALID')) throw error;
    return (error.context.issues as { path: string; message: string }[]).map(
      ({ path, message }) => `${path} ${message}`,
    );
  }
}

describe('what an exec is asked to run', () => {
  for (const input of [
    { argv: ['sh'] },
    { argv: ['sh', '', '-c', 'a\nb'], env: { A: '', 'odd name': 'a=b' }, cwd: '/', user: '0' },
    { argv: ['/bin/true'], user: 'www-data:33', env: undefined, cwd: undefined },
  ]) {
    it(`may be ${JSON.stringify(input)}`, () => expect(issuesOf(input)).to.deep.equal([]));
  }

  for (const [input, issues] of [
    [{ argv: [] }, ['argv is empty']],
    [{ argv: 'ls' }, ['argv is empty']],
    [{ argv: [''] }, ['argv.0 is empty']],
    [{ argv: ['a', 'b\0c', 7] }, ['argv.1 contains NUL', 'argv.2 is not a text']],
    [{ argv: ['a'], env: { '': 'x' } }, ['env. is not the name of a variable']],
    [
      { argv: ['a'], env: { 'A=B': 'x', 'A\0': 'x', C: 'x\0', D: 1 } },
      [
        'env.A=B is not the name of a variable',
        'env.A\0 is not the name of a variable',
        'env.C contains NUL',
        'env.D is not a text',
      ],
    ],
    [{ argv: ['a'], cwd: 'tmp' }, ['cwd is not an absolute path']],
    [{ argv: ['a'], cwd: '' }, ['cwd is not an absolute path']],
    [{ argv: ['a'], cwd: '/a\0' }, ['cwd contains NUL']],
    [{ argv: ['a'], user: '' }, ['user is not NAME, UID, NAME:GROUP or UID:GID']],
    [{ argv: ['a'], user: 'a:b:c' }, ['user is not NAME, UID, NAME:GROUP or UID:GID']],
    [
      { argv: [], user: ':', cwd: '.' },
      ['argv is empty', 'cwd is not an absolute path', 'user is not NAME, UID, NAME:GROUP or UID:GID'],
    ],
  ] as const) {
    it(`may not be ${JSON.stringify(input)}`, () => expect(issuesOf(input)).to.deep.equal(issues));
  }
});
