import { readFileSync } from 'node:fs';
import { expect } from 'chai';

const readme = readFileSync('README.md', 'utf8');
const commands = [...readme.matchAll(/```sh\n([^`]*?)\n```/g)].map((match) => match[1] ?? '');

describe('README', () => {
  it('has the test command that CI runs', () => {
    const [, command] = /^sh -c "(.*)"$/m.exec(readFileSync('.ci/run', 'utf8')) ?? [];
    expect(commands).to.include(command);
  });

  it('installs with each of its first two commands whatever they need', () => {
    for (const command of commands.slice(0, 2))
      expect(command)
        .to.match(/apt-get install|setup-debian\.sh/)
        .and.to.contain('npm ci');
  });

  it('links only to files that exist', () => {
    for (const [, target = ''] of readme.matchAll(/\]\(([^)#:]+)\)/g))
      expect(() => readFileSync(target), target).to.not.throw(/ENOENT/);
  });
});
