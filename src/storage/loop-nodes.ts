/** Nodes of loop devices, in a /dev to which the kernel adds none: a container's has those of its start at most. */
import { lstat, readdir, readFile } from '../host/quick-fs.js';
import { runTool } from '../host/tool.js';

/** Of what the kernel has. @returns false if none was missing, or none may be made */
export async function makeLoopNodes(): Promise<boolean> {
  const disks = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'));
  const made = [await makeNode('loop-control', 'c', '/sys/class/misc/loop-control/dev')];
  for (const name of disks) made.push(await makeNode(name, 'b', `/sys/block/${name}/dev`));
  return made.includes(true);
}

async function makeNode(name: string, type: 'b' | 'c', numberFile: string): Promise<boolean> {
  const node = `/dev/${name}`;
  const isThere = () =>
    lstat(node).then(
      () => true,
      () => false,
    );
  const numbers = await readFile(numberFile, 'utf8').catch(() => undefined);
  if (numbers === undefined || (await isThere())) return false;
  return runTool({
    tool: 'mknod',
    args: ['-m', '600', node, type, ...numbers.trim().split(':')],
    package: 'coreutils',
  }).then(
    () => true,
    // Somebody else may have been quicker.
    isThere,
  );
}
