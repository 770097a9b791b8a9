/** The seccomp filter of a zone, as its record and the host have it. */
import { zoneError } from '../errors/index.js';
import { type Filter, profileDigest, unfilteredHint, zoneFilter } from '../seccomp/index.js';
import { effectiveCapabilities, modeOf, type ZoneSpec } from '../spec/index.js';
import type { ZoneImage } from '../state/index.js';
import type { HostContext } from './host-context.js';

type Filtered = { readonly spec: ZoneSpec; readonly image: ZoneImage };

/** Records of before there were filters have no word on them. A privileged zone has none but one of its own. */
function profileOf({ seccomp = 'default', privileged }: Partial<Pick<ZoneSpec, 'seccomp' | 'privileged'>>): string {
  return privileged === true && seccomp === 'default' ? 'unconfined' : seccomp;
}

/** @throws HOST_FEATURE_MISSING, PATH_NOT_FOUND, SPEC_INVALID a profile that makes no sense */
export async function planZoneFilter(
  host: Pick<HostContext, 'roots' | 'facts'>,
  { spec, image }: Filtered,
): Promise<Filter | undefined> {
  const profile = profileOf(spec);
  const hostIds = modeOf(spec) === 'host-ids';
  if (profile !== 'unconfined' || hostIds) requireKnown(image, hostIds);
  const capabilities = effectiveCapabilities(spec.capAdd, spec.capDrop);
  const nesting = spec.nesting === true;
  return zoneFilter(host, { profile, capabilities, is32Bit: is32Bit({ spec, image }), nesting, hostIds });
}

/** Of a program of tszone's own in the zone: what it calls is known, a profile was not made for it. */
export async function planToolFilter(
  host: Pick<HostContext, 'roots' | 'facts'>,
  { spec, image }: Filtered,
): Promise<Filter | undefined> {
  const profile = profileOf(spec) === 'unconfined' ? 'unconfined' : 'default';
  return planZoneFilter(host, { spec: { ...spec, seccomp: profile }, image });
}

/** Of what the filter is made from and the record does not hold. */
export function filterWitness({ spec }: Pick<Filtered, 'spec'>): string {
  return profileDigest(profileOf(spec));
}

function is32Bit({ spec, image }: Filtered): boolean {
  return spec.personality === 'linux32' || image.arch === 'i386';
}

/** Architectures that a kernel runs beside its own, and whose calls a filter would all refuse. */
const unknownArchitectures: readonly string[] = ['armhf', 'armel', 'x32'];

function requireKnown({ name, arch }: ZoneImage, hostIds: boolean): void {
  if (!unknownArchitectures.includes(arch)) return;
  throw zoneError(
    'HOST_FEATURE_MISSING',
    `image "${name}" is for ${arch}, and tszone makes no seccomp filters for that`,
    {
      hint: unfilteredHint(hostIds),
      context: { feature: 'seccomp', image: name, arch },
    },
  );
}
