import { expect } from 'chai';
import { hasCode } from '../../../src/errors/index.js';
import { choiceOfTag, parseReference, type TagChoices, tagOfChoice } from '../../../src/images/reference.js';

const choices: TagChoices = {
  defaultSuite: 'bookworm',
  suites: ['bookworm', 'trixie'],
  arches: ['amd64', 'i386'],
  nativeArch: 'amd64',
};

describe('image references', () => {
  it('are a name and maybe a tag, of which "latest" is none', () => {
    expect(parseReference('web')).to.deep.equal({ name: 'web', tag: undefined });
    expect(parseReference('web:latest')).to.deep.equal({ name: 'web', tag: undefined });
    expect(parseReference('web:v1.2')).to.deep.equal({ name: 'web', tag: 'v1.2' });
  });

  for (const text of ['', 'Web', '-web', 'web:', ':tag', 'a/b', '../x', 'web:a:b', 'web ']) {
    it(`refuses "${text}"`, () => {
      expect(() => parseReference(text)).to.satisfy((parse: () => unknown) => {
        try {
          parse();
          return false;
        } catch (error) {
          return hasCode(error, 'USAGE_BAD_ARGUMENT');
        }
      });
    });
  }

  it('name one build of a template in one way', () => {
    const canonical = (tag: string | undefined) => {
      const choice = choiceOfTag(tag, choices);
      return choice === undefined ? 'unknown' : tagOfChoice(choice, choices);
    };
    expect(['bookworm', 'amd64', 'bookworm-amd64', undefined].map(canonical)).to.deep.equal(Array(4).fill(undefined));
    expect(['i386', 'bookworm-i386'].map(canonical)).to.deep.equal(['i386', 'i386']);
    expect(['trixie', 'trixie-amd64', 'trixie-i386'].map(canonical)).to.deep.equal(['trixie', 'trixie', 'trixie-i386']);
    expect(['woody', 'trixie-sparc', 'woody-i386', '-i386'].map(canonical)).to.deep.equal(Array(4).fill('unknown'));
  });
});
