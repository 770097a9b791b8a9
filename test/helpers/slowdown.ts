/** Time limits on slow machines: under emulation node takes 12 to 17 times as long. */

/** 1 on a usual machine; the VM lane sets TSZONE_TEST_SLOWDOWN. */
export const slowdown = Number(process.env.TSZONE_TEST_SLOWDOWN ?? 1);

/** A limit in ms, scaled: `this.timeout(scaled(30_000))`. */
export const scaled = (ms: number): number => ms * slowdown;
