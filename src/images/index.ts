/** Images: names, manifests, the index, templates and their builders, archives into directories. */
export { nativeArch } from './arch.js';
export type { BuildContext, BuiltArchive } from './build.js';
export { buildTemplate, checkTemplate, templateFingerprint } from './build-template.js';
export { detectArch } from './detect-arch.js';
export { type ArchiveSource, asFileArchive } from './file-archive.js';
export {
  changeImages,
  findImage,
  type ImageTable,
  imagesDirectory,
  listImages,
  readImage,
  withImagesLocked,
} from './image-index.js';
export { type ImageConfig, type ImageManifest, type ImageSource, imageConfigSchema } from './manifest.js';
export {
  dropPull,
  isPulled,
  listPulls,
  lockImage,
  type Pull,
  sweepImageLocks,
  sweepPulls,
  writePull,
} from './pulls.js';
export { type BuildChoice, choiceOfTag, formatReference, parseReference, tagOfChoice } from './reference.js';
export { parseRegistryReference, requireRegistryReference } from './registry/reference.js';
export { type CachedStep, changeSteps, forgetSteps, readSteps, type StepTable } from './step-cache.js';
export { type BuildStep, planSteps } from './steps.js';
export { TarBuilder } from './tar-builder.js';
export {
  findTemplate,
  type LayeredTemplate,
  listTemplates,
  readTemplate,
  type Template,
  tagChoices,
  templateFolder,
  templateNames,
  templateSchema,
} from './template.js';
export type { Healthcheck } from './template-step.js';
export {
  type ArchiveLimits,
  type ImageProgress,
  type OnProgress,
  type Unpacked,
  type UnpackOptions,
  unpackArchive,
} from './unpack-archive.js';
