/** Which layer a step of a template became: `images/steps.json`, key → digest. Losing it costs a build, nothing else. */
import { join } from 'node:path';
import { rm } from '../host/quick-fs.js';
import { type Roots, readJson, type Versioned, writeJson } from '../state/index.js';
import { imagesDirectory } from './image-index.js';

export interface CachedStep {
  readonly digest: string;
  readonly sizeBytes: number;
}

export type StepTable = Readonly<Record<string, CachedStep>>;

interface StepsFile extends Versioned {
  readonly version: 1;
  readonly steps: StepTable;
}

const pathOf = (roots: Roots) => join(imagesDirectory(roots), 'steps.json');

export async function readSteps(roots: Roots): Promise<StepTable> {
  return (await readJson<StepsFile>(pathOf(roots), 1))?.steps ?? {};
}

/** Call with the images locked. */
export async function changeSteps(roots: Roots, change: (steps: StepTable) => StepTable): Promise<void> {
  await writeJson<StepsFile>(pathOf(roots), { version: 1, steps: change(await readSteps(roots)) });
}

/** Call with the images locked. */
export async function forgetSteps(roots: Roots): Promise<void> {
  await rm(pathOf(roots), { force: true });
}
