/** /proc/self/mountinfo, see proc_pid_mountinfo(5). */

export interface Mount {
  /** The part of the file system that is mounted: `/` unless it is a bind. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fsType: string;
  /** The file system's own options, cgroup controllers among them. */
  readonly superOptions: readonly string[];
}

/** In the kernel's order: of two at one place the later one is on top. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mountPoint, options] = before.split(' ');
    const [fsType, , superOptions] = after.split(' ');
    if (root === undefined || mountPoint === undefined || options === undefined || fsType === undefined) return [];
    const mount = {
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      options: options.split(','),
      fsType,
    };
    return [{ ...mount, superOptions: superOptions?.split(',') ?? [] }];
  });
}

/** The mount on which a canonical absolute path lies. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  const holds = ({ mountPoint }: Mount) =>
    mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
  return mounts
    .filter(holds)
    .reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.mountPoint.length >= best.mountPoint.length ? mount : best),
      undefined,
    );
}

/** Both the mount and its file system can be written. */
export function isWritable({ options, superOptions }: Mount): boolean {
  return !options.includes('ro') && !superOptions.includes('ro');
}

/** Space, tab, newline and backslash are octal: `\040`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
