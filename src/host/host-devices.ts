/** The device nodes of this machine, for zones that have them all. */
import { join } from 'node:path';
import { readdir } from './quick-fs.js';

/** Of file systems of their own: a zone has terminals, queues and shared memory of its own, and what is in the host's is nobody's device. */
const mountPoints = ['pts', 'shm', 'mqueue', 'hugepages'];
/** Terminals of whoever looks. */
const ownTerminals = ['ptmx', 'console'];

/** Paths of all below `root`, sorted. What goes meanwhile is not there: udev takes nodes and directories away at any time. */
export async function hostDeviceNodes(root = '/dev'): Promise<string[]> {
  const top = await entriesOf(root);
  // Hidden is the /proc of a zone that may hold zones.
  const directories = top.filter((entry) => isTree(entry) && !mountPoints.includes(entry.name));
  const below = await Promise.all(directories.map(({ name }) => nodesBelow(join(root, name))));
  const here = top.filter((entry) => isNode(entry) && !ownTerminals.includes(entry.name));
  return [...here.map(({ name }) => join(root, name)), ...below.flat()].toSorted();
}

async function nodesBelow(directory: string): Promise<string[]> {
  const entries = await entriesOf(directory);
  const below = await Promise.all(entries.filter(isTree).map(({ name }) => nodesBelow(join(directory, name))));
  return [...entries.filter(isNode).map(({ name }) => join(directory, name)), ...below.flat()];
}

type Entry = Awaited<ReturnType<typeof entriesOf>>[number];

async function entriesOf(directory: string) {
  return readdir(directory, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

const isTree = (entry: Entry) => entry.isDirectory() && !entry.name.startsWith('.');
const isNode = (entry: Entry) => entry.isCharacterDevice() || entry.isBlockDevice();
