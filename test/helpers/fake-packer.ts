/** The end of a `cp` that is in a zone: it may send and say whatever the zone wants. */
import { PassThrough, Readable } from 'node:stream';
import type { End } from '../../src/operations/copy-files.js';

export function fakePacker(archive: Buffer, { status = 0, report = '' } = {}): End {
  return {
    stdin: new PassThrough(),
    stdout: Readable.from([archive]),
    stderr: Readable.from([Buffer.from(report)]),
    exited: Promise.resolve(status),
  };
}
