/** How a pool keeps volumes. */
export const driverNames = ['overlay', 'btrfs', 'loop'] as const;
export type DriverName = (typeof driverNames)[number];
