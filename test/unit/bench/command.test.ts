import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runUntil } from '../../../bench/command.js';
import { isAlive } from '../../../bench/processes.js';
import { eventually } from '../../helpers/patience.js';

describe('bench: commands', () => {
  it('one that prepares something ends when the bench is to end, with all that it has started', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tszone-bench-command-'));
    try {
      const file = join(directory, 'pid');
      const ending = new AbortController();
      const running = runUntil({ argv: ['sh', '-c', `sleep 1000 & echo $! > ${file}; wait`] }, ending.signal);
      // The file is there before its number is.
      const pid = await eventually('it has started something', () => Number(readFileSync(file, 'utf8')) || undefined);
      expect(isAlive(pid)).to.equal(true);
      ending.abort();
      expect(await running).to.include({ status: 128 });
      await eventually('what it has started is gone', () => !isAlive(pid));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
