/** What a zone, an image, a network may be called. */

/** Starts alphanumeric, then `[a-z0-9_.-]`, at most 63. */
export const namePattern = /^[a-z0-9][a-z0-9_.-]{0,62}$/;

const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const localImage = `[a-z0-9][a-z0-9_.-]{0,62}(?::${tag})?`;
/** A first part with a dot or a port, or `localhost`: otherwise it would be a directory on a registry that nobody has named. */
const registryHost = String.raw`(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?=:)|localhost)(?::\d{1,5})?`;
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';

/** `HOST[:PORT]/PATH[:TAG][@DIGEST]`, in these four groups (distribution spec, "Pulling manifests"). */
export const registryPattern = new RegExp(
  `^(?=.{1,255}$)(${registryHost})/(${pathPart}(?:/${pathPart})*)(?::(${tag}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);

/** `name` or `name:tag`, or an image of a registry. */
export const imagePattern = new RegExp(`^${localImage}$|${registryPattern.source}`);

/** RFC 1123, at most 64 bytes (the kernel's __NEW_UTS_LEN). */
export const hostnamePattern = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/;

const adjectives = [
  'brave',
  'calm',
  'clear',
  'eager',
  'fair',
  'gentle',
  'happy',
  'keen',
  'lucid',
  'merry',
  'neat',
  'quick',
  'quiet',
  'sharp',
  'sunny',
  'swift',
];
const nouns = [
  'badger',
  'birch',
  'brook',
  'comet',
  'falcon',
  'fern',
  'harbor',
  'heron',
  'lark',
  'maple',
  'meadow',
  'otter',
  'pine',
  'river',
  'sparrow',
  'willow',
];

/** A name for a zone that was given none: `quiet-heron-4f2a`. */
export function generateName(random: (limit: number) => number): string {
  const word = (list: readonly string[]) => list[random(list.length)] ?? 'zone';
  return `${word(adjectives)}-${word(nouns)}-${random(0x10000).toString(16).padStart(4, '0')}`;
}
