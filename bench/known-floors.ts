/** What the floors took when they were first measured, and how a run compares with that. */

/** Medians in milliseconds on an idle machine of two cores with 6.18. */
const known: Readonly<Record<string, readonly [number, number]>> = {
  'only true': [0.16, 0.16],
  'run, with network': [3.5, 5.0],
  'run, without network': [1.85, 1.85],
  exec: [0.71, 0.71],
  nsenter: [1.9, 1.9],
};
const tolerance = 0.2;

/**
 * How the medians lie to the known ones. A slower machine shows in the start of a program that does nothing; `load` is the
 * number of processes that want a CPU, for each CPU.
 */
export function compareWithKnown(medians: ReadonlyMap<string, number>, load: number): string[] {
  const machine = (medians.get('only true') ?? Number.NaN) / (known['only true']?.[0] ?? 1);
  return [...medians].map(([name, median]) => {
    const [low = 0, high = 0] = known[name] ?? [];
    const range = low === high ? `${low}` : `${low} to ${high}`;
    const isNear = (value: number) => value >= low * (1 - tolerance) && value <= high * (1 + tolerance);
    const near = isNear(median)
      ? 'within 20 %'
      : isNear(median / machine)
        ? `as the machine is: here a static true takes ${machine.toFixed(1)} times as long`
        : load > 0.5
          ? `not within 20 %: the machine is busy, ${load.toFixed(1)} processes want each CPU`
          : `not within 20 %, and neither the machine's own factor of ${machine.toFixed(1)} nor its load is the reason`;
    return `${name}: ${median.toFixed(2)} ms, known ${range}: ${near}`;
  });
}
