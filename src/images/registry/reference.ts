/** What a registry's images are called: `HOST[:PORT]/PATH[:TAG][@DIGEST]`. A name without a host is never looked up anywhere. */
import { zoneError } from '../../errors/index.js';
import { registryPattern } from '../../spec/index.js';

export interface RegistryReference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`: as people and Docker's config call it. */
  readonly host: string;
  /** `library/alpine`. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: string | undefined;
  /** What the image is listed as: without `:latest`; with a digest, without a tag. */
  readonly name: string;
}

/** `undefined`: no registry is named. */
export function parseRegistryReference(text: string): RegistryReference | undefined {
  const match = registryPattern.exec(text);
  if (match === null) return undefined;
  const [, given = '', path = '', tag, digest] = match;
  // RFC 4343: of whatever case.
  const host = given.toLowerCase();
  const repository = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  const suffix = digest !== undefined ? `@${digest}` : tag === undefined || tag === 'latest' ? '' : `:${tag}`;
  return { host, repository, tag: tag ?? 'latest', digest, name: `${host}/${path}${suffix}` };
}

/** @throws USAGE_BAD_ARGUMENT */
export function requireRegistryReference(text: string): RegistryReference {
  const reference = parseRegistryReference(text.replace(/^docker:\/\//, ''));
  if (reference !== undefined && URL.canParse(`https://${reference.host}`)) return reference;
  const hint = reference === undefined ? hintFor(text) : 'A port is a number up to 65535.';
  throw zoneError('USAGE_BAD_ARGUMENT', `"${text}" does not name an image of a registry`, {
    hint,
    context: { image: text },
  });
}

function hintFor(text: string): string {
  if (/^[a-z0-9._/-]+(:[\w.-]+)?$/.test(text))
    return `Name the registry, too: "tszone image pull docker.io/${text}", for one.`;
  const corrected = text.replace(/^https?:\/\//i, '').replace(/(?<=\/)[^:@]+/, (path) => path.toLowerCase());
  if (corrected !== text && parseRegistryReference(corrected) !== undefined)
    return `Without a scheme, and with a path in lower case: "tszone image pull ${corrected}".`;
  return 'Write HOST[:PORT]/PATH[:TAG] or HOST[:PORT]/PATH@sha256:…, such as docker.io/alpine:3.20.';
}
