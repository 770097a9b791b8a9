/** Where a zone's groups are: names only, nothing is read. */
import type { CgroupLayout, Controller } from '../host/facts.js';
import { controllerNames } from '../host/facts.js';

/** Whose groups are meant. */
export interface ZoneRef {
  readonly layout: CgroupLayout;
  /** The root's short id. */
  readonly instance: string;
  readonly zone: string;
}

/** One hierarchy of the host in which zones have groups. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** `tszone/` is below this. */
  readonly top: string;
  /** Those that we use; none in a tracking hierarchy. */
  readonly controllers: readonly Controller[];
}

/** A zone's group in one hierarchy. */
export interface ZoneGroup extends Hierarchy {
  readonly path: string;
  /** The shared groups above it, topmost first. */
  readonly parents: readonly string[];
}

/** Every hierarchy in which a zone has a group, co-mounted controllers once, the unified one last. */
export function hierarchies(layout: CgroupLayout): Hierarchy[] {
  const found = new Map<string, { version: 1 | 2; top: string; controllers: Controller[] }>();
  for (const name of controllerNames) {
    const controller = layout.controllers[name];
    if (controller === undefined) continue;
    const known = found.get(controller.mount);
    if (known === undefined)
      found.set(controller.mount, { version: controller.version, top: topOf(layout, controller), controllers: [name] });
    else known.controllers.push(name);
  }
  for (const tracking of layout.tracking) {
    if (!found.has(tracking.mount))
      found.set(tracking.mount, { version: tracking.version, top: topOf(layout, tracking), controllers: [] });
  }
  return [...found.values()].sort((a, b) => a.version - b.version);
}

function topOf(layout: CgroupLayout, { version, mount }: { readonly version: 1 | 2; readonly mount: string }): string {
  return version === 2 ? (layout.base ?? mount) : mount;
}

/** The zone's groups, one a hierarchy. */
export function zoneGroups({ layout, instance, zone }: ZoneRef): ZoneGroup[] {
  return hierarchies(layout).map((hierarchy) => {
    const parents = [`${hierarchy.top}/tszone`, `${hierarchy.top}/tszone/${instance}`];
    return { ...hierarchy, parents, path: `${hierarchy.top}/tszone/${instance}/${groupName(zone)}` };
  });
}

/** What says of the zones' groups whether they are frozen; `undefined`: the host has no freezer. */
export function freezerPlace(
  layout: CgroupLayout,
  instance: string,
): { readonly directory: string; readonly file: string; readonly groupOf: (zone: string) => string } | undefined {
  const found = hierarchies(layout).find(({ controllers }) => controllers.includes('freezer'));
  if (found === undefined) return undefined;
  return {
    directory: `${found.top}/tszone/${instance}`,
    file: found.version === 1 ? 'freezer.state' : 'cgroup.events',
    groupOf: groupName,
  };
}

/** The zone's group that has this controller, or `undefined`. */
export function groupOf(groups: readonly ZoneGroup[], controller: Controller): ZoneGroup | undefined {
  return groups.find((group) => group.controllers.includes(controller));
}

/** The group whose members are the zone's processes and below which exec groups are made: v2's, else the freezer's, else any. */
export function mainGroup(groups: readonly ZoneGroup[]): ZoneGroup | undefined {
  return groupOf(groups, 'freezer') ?? groupOf(groups, 'pids') ?? groups[0];
}

/**
 * A zone may have the name of a control file (`tasks`, `memory.max`), which is in the same directory. Such names get a `_`,
 * with which no zone's name begins. The same rule as systemd's.
 */
export function groupName(zone: string): string {
  const isReserved = /^(tasks|notify_on_release|release_agent)$/.test(zone) || /^[a-z0-9_]+\./.test(zone);
  return isReserved ? `_${zone}` : zone;
}
