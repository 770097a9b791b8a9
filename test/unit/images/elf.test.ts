import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { helperPath } from '../../../src/helper/index.js';
import { nativeArch } from '../../../src/images/arch.js';
import { elfArch, isStaticElf } from '../../../src/images/elf.js';

describe('ELF files', () => {
  it('tell the architecture', () => {
    expect(elfArch(readFileSync(process.execPath).subarray(0, 64))).to.equal(nativeArch);
    expect(elfArch(Buffer.from('#!/bin/sh\n'.padEnd(64)))).to.equal(undefined);
    expect(elfArch(Buffer.alloc(0))).to.equal(undefined);
  });

  it('are static if no loader is asked for', () => {
    expect(isStaticElf(readFileSync(helperPath()))).to.equal(true);
    expect(isStaticElf(readFileSync(process.execPath))).to.equal(false);
    expect(isStaticElf(Buffer.from('text'))).to.equal(false);
  });
});
