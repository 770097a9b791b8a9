/** A scripted peer: a program that speaks the helper's protocol as a test wants it. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `script` is sh: fd 3 is the plan, fd 4 the events. The file is removed by dispose. */
export function fakeHelper(script: string): { readonly program: string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'tszone-fake-'));
  const program = join(directory, 'helper');
  writeFileSync(program, `#!/bin/sh\ncd '${directory}'\n${script}\n`);
  chmodSync(program, 0o755);
  return { program, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
