/** From a template to an archive: one builder a kind. */

import { findTool, requireTool } from '../host/index.js';
import type { BuildContext, BuiltArchive } from './build.js';
import { buildArchive, checkArchive } from './build-archive.js';
import { buildBusybox } from './build-busybox.js';
import { buildDebian } from './build-debian.js';
import { buildSparse, sparseFingerprint } from './build-sparse.js';
import type { LayeredTemplate, Template } from './template.js';

/** @throws HOST_TOOL_MISSING, HOST_TOOL_FAILED, USAGE_BAD_ARGUMENT; the archive may throw while it is read */
export async function buildTemplate(
  template: Exclude<Template, LayeredTemplate>,
  context: BuildContext,
): Promise<BuiltArchive> {
  switch (template.kind) {
    case 'sparse':
      return buildSparse(template, context);
    case 'busybox':
      return buildBusybox(template, context);
    case 'debian':
      return buildDebian(template, context);
    case 'archive':
      return buildArchive(template, context);
  }
}

/** What can be said before anything is made or fetched. @throws HOST_TOOL_MISSING, PATH_NOT_FOUND, USAGE_BAD_ARGUMENT */
export async function checkTemplate(
  template: Template,
  { from, digest }: Pick<BuildContext, 'from' | 'digest'>,
): Promise<void> {
  if (template.kind === 'archive') await checkArchive(template, { from, digest });
  const isDebian = template.kind === 'debian' && findTool('debootstrap') === undefined;
  if (isDebian) requireTool({ tool: 'mmdebstrap', package: 'mmdebstrap' });
}

/** What a build would read of the host now; `undefined` if an image of this template never goes out of date. */
export async function templateFingerprint(
  template: Template,
  { usr }: Pick<BuildContext, 'usr'>,
): Promise<string | undefined> {
  return template.kind === 'sparse' ? sparseFingerprint(template, usr) : undefined;
}
