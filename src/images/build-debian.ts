/** `debian`: minbase and a few packages, by mmdebstrap (or debootstrap), verified with Debian's keys by apt. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, zoneError } from '../errors/index.js';
import { findTool, readEnvironment, runTool, spawnTool, type ToolCall } from '../host/index.js';
import { runsHere } from './arch.js';
import type { BuildContext, BuiltArchive } from './build.js';
import { chooseMirrors, type DebianMirrors, readSources } from './debian-mirror.js';
import type { DebianTemplate } from './template.js';

interface Plan {
  readonly suite: string;
  readonly arch: string;
  readonly packages: readonly string[];
  readonly components: readonly string[];
  readonly mirror: string;
  /** Lines for sources.list(5): what is installed from. */
  readonly sources: readonly string[];
  /** More lines, that are only written into the image: its own apt looks there. */
  readonly laterSources: readonly string[];
}

/** @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED (also while the archive is read), USAGE_BAD_ARGUMENT */
export async function buildDebian(template: DebianTemplate, context: BuildContext): Promise<BuiltArchive> {
  const plan = planDebian(template, context, await mirrorsOf(template));
  const env = await environmentOf(context);
  const date = await dateOf(plan, context, env);
  const call = caller(context, date === undefined ? env : { ...env, SOURCE_DATE_EPOCH: String(date) });
  const archive =
    findTool('mmdebstrap') === undefined && findTool('debootstrap') !== undefined
      ? throughDebootstrap(plan, context.scratch, call)
      : throughMmdebstrap(plan, call);
  return { archive, kind: 'layers', config: template.config };
}

async function mirrorsOf(template: DebianTemplate): Promise<DebianMirrors> {
  const fallback = { mirror: template.mirror, security: template.securityMirror };
  return chooseMirrors(
    await readSources(),
    template.suites.map((suite) => suite.name),
    fallback,
  );
}

export function planDebian(
  template: DebianTemplate,
  { suite: wanted, arch, updates }: Pick<BuildContext, 'suite' | 'arch' | 'updates'>,
  { mirror, security }: DebianMirrors,
): Plan {
  const suite = template.suites.find((candidate) => candidate.name === (wanted ?? template.suites[0]?.name));
  if (suite === undefined || !template.arches.includes(arch)) {
    throw zoneError('USAGE_BAD_ARGUMENT', `template "${template.name}" has no suite "${wanted}" for "${arch}"`, {
      hint: `Suites: ${template.suites.map(({ name }) => name).join(', ')}; architectures: ${template.arches.join(', ')}.`,
      context: { suite: wanted, arch },
    });
  }
  const { components, packages } = template;
  const line = (uri: string, name: string) => `deb ${uri} ${name} ${components.join(' ')}`;
  const more = suite.updates ? [line(mirror, `${suite.name}-updates`), line(security, `${suite.name}-security`)] : [];
  const sources = [line(mirror, suite.name), ...(updates ? more : [])];
  const laterSources = updates ? [] : more;
  return { suite: suite.name, arch, packages, components, mirror, sources, laterSources };
}

/** What both programs run with: the proxy that the host's apt uses, and temporary files where they are swept up. */
async function environmentOf({ scratch, signal }: BuildContext): Promise<Record<string, string>> {
  const call = { tool: 'apt-config', args: ['shell', 'P', 'Acquire::http::Proxy'], package: 'apt', signal };
  const { stdout } = findTool('apt-config') === undefined ? { stdout: '' } : await runTool(call);
  const proxy = /^P='(.*)'$/m.exec(stdout)?.[1];
  const fromApt = proxy === undefined || proxy === '' || proxy === 'DIRECT' ? {} : { http_proxy: proxy };
  return { TMPDIR: scratch, ...readEnvironment().proxies, ...fromApt };
}

/**
 * Of the newest of the lists that the packages come from: later times are written as this one, so that the same lists give the same
 * image. `undefined` if a mirror has none in that form; apt says later what is wrong with it.
 */
async function dateOf(
  { sources }: Plan,
  { scratch, signal }: BuildContext,
  env: Record<string, string>,
): Promise<number | undefined> {
  const dates = sources.map(async (line, index) => {
    const [, uri = '', suite = ''] = line.split(' ');
    const file = join(scratch, `release-${index}`);
    const args = ['download-file', `${uri.replace(/\/$/, '')}/dists/${suite}/InRelease`, file];
    await runTool({ tool: '/usr/lib/apt/apt-helper', args, package: 'apt', signal, env });
    return Date.parse(/^Date: (.+)$/m.exec(await readFile(file, 'utf8'))?.[1] ?? '') / 1000;
  });
  try {
    const newest = Math.max(...(await Promise.all(dates)));
    return Number.isFinite(newest) ? newest : undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (!hasCode(error, 'HOST_TOOL_FAILED', 'HOST_TOOL_MISSING')) throw error;
    return undefined;
  }
}

type Call = (call: Pick<ToolCall, 'tool' | 'args' | 'package'>) => ToolCall;

function caller({ signal, progress }: BuildContext, env: Readonly<Record<string, string>>): Call {
  const onMessage = (message: string) => {
    if (!/unsandboxed/.test(message)) progress?.({ bytes: 0, message: message.replace(/^I: /, '') });
  };
  return (call) => ({ ...call, signal, dieWithParent: true, env, onMessage });
}

async function* throughMmdebstrap(plan: Plan, call: Call): AsyncGenerator<Buffer> {
  const args = [
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    `--architectures=${plan.arch}`,
    // Its own test would need the package arch-test, and look for an emulator.
    ...(runsHere(plan.arch) ? ['--skip=check/qemu'] : []),
    ...(plan.packages.length === 0 ? [] : [`--include=${plan.packages.join(',')}`]),
    ...plan.laterSources.map((line) => `--customize-hook=echo '${line}' >>"$1/etc/apt/sources.list"`),
    plan.suite,
    '-',
    ...plan.sources,
  ];
  try {
    yield* outputOf(call({ tool: 'mmdebstrap', args, package: 'mmdebstrap' }));
  } catch (error) {
    throw explain(error, plan);
  }
}

/** A mirror whose index does not match the signed list of indexes is refused by apt, and nothing here talks it out of it. */
function explain(error: unknown, { suite, arch }: Plan): unknown {
  if (
    !hasCode(error, 'HOST_TOOL_FAILED') ||
    !/-(updates|security)\b.*(unexpected size|Hash Sum mismatch)/.test(error.message)
  )
    return error;
  return zoneError('HOST_TOOL_FAILED', error.message, {
    hint: `The mirror is not in step with itself: repeat the command later, or pass --no-updates to build from "${suite}" for ${arch} alone.`,
    context: error.context,
    cause: error,
  });
}

async function* outputOf(call: ToolCall): AsyncGenerator<Buffer> {
  const tool = spawnTool(call);
  tool.done.catch(() => undefined);
  tool.stdin.end();
  for await (const chunk of tool.stdout) yield chunk as Buffer;
  await tool.done;
}

async function* throughDebootstrap(plan: Plan, scratch: string, call: Call): AsyncGenerator<Buffer> {
  const tree = join(scratch, 'debootstrap');
  const args = [
    '--variant=minbase',
    `--arch=${plan.arch}`,
    `--components=${plan.components.join(',')}`,
    ...(plan.packages.length === 0 ? [] : [`--include=${plan.packages.join(',')}`]),
    plan.suite,
    tree,
    plan.mirror,
  ];
  const { stdin, stdout, done } = spawnTool(call({ tool: 'debootstrap', args, package: 'debootstrap' }));
  stdin.end();
  stdout.resume();
  await done;
  await cleanTree(tree, plan);
  yield* outputOf(
    call({
      tool: 'tar',
      args: ['--create', '--numeric-owner', '--xattrs', '--xattrs-include=*', '--format=posix', '-C', tree, '.'],
      package: 'tar',
    }),
  );
}

/** What mmdebstrap does by itself: nothing that was only needed to build, and the whole list of sources. */
async function cleanTree(tree: string, plan: Plan): Promise<void> {
  for (const path of ['var/lib/apt/lists', 'var/cache/apt/archives']) {
    await rm(join(tree, path), { recursive: true, force: true });
    await mkdir(join(tree, path, 'partial'), { recursive: true });
  }
  await rm(join(tree, 'var/log/bootstrap.log'), { force: true });
  await writeFile(join(tree, 'etc/apt/sources.list'), `${[...plan.sources, ...plan.laterSources].join('\n')}\n`);
}
