/** Whether the kernel has a part, built in or as a module: told without loading it. */
import type { CheckContext } from './check.js';

/** `loaded` also for what is built in; `module`: the kernel loads it when it is asked for. */
export type Presence = 'loaded' | 'module' | 'missing';

/** `symbol` is one of its functions: the last resort, for kernels without a module directory. */
export function presenceOf(context: CheckContext, module: string, symbol: string): Presence {
  const { read, exists, facts } = context;
  if (exists(`/sys/module/${module}`)) return 'loaded';
  const directory = `/lib/modules/${facts.kernel.release}`;
  const file = new RegExp(`/${module.replace(/_/g, '[_-]')}\\.ko`);
  if (file.test(read(`${directory}/modules.builtin`) ?? '')) return 'loaded';
  if (file.test(read(`${directory}/modules.dep`) ?? '')) return 'module';
  return symbolsOf(context).includes(` ${symbol}\n`) ? 'loaded' : 'missing';
}

const symbols = new WeakMap<CheckContext, string>();

/** Some 10 MB, so once a run. Names can be read by everybody; only addresses are hidden. */
function symbolsOf(context: CheckContext): string {
  const known = symbols.get(context);
  if (known !== undefined) return known;
  const text = (context.read('/proc/kallsyms') ?? '').replace(/\t\[\w+\]/g, '');
  symbols.set(context, text);
  return text;
}
