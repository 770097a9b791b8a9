/** Imports the archive on stdin as image NAME below ROOT: for tests that kill it. Arguments: ROOT RUNROOT NAME. */
import { openHostContext } from '../../src/operations/host-context.js';
import { imageImport } from '../../src/operations/image-import.js';

const [root = '', runRoot = '', name = ''] = process.argv.slice(2);
const host = await openHostContext({ root, runRoot });
process.stdout.write('ready\n');
await imageImport(host, { name, source: process.stdin, progress: ({ bytes }) => process.stdout.write(`${bytes}\n`) });
process.stdout.write('done\n');
