/** Runs jobs side by side: each as early as its place in the list, what it needs and what it disturbs allow. */

export interface Job {
  readonly step: string;
  /** Steps that have to be over before. */
  readonly after?: readonly string[];
  /** Nothing else runs meanwhile. */
  readonly alone?: boolean;
}

/** At most `slots` at once. @throws what `run` throws, once all that had started is over */
export async function runJobs<J extends Job>(
  jobs: readonly J[],
  slots: number,
  run: (job: J) => Promise<void>,
): Promise<void> {
  const waiting = [...jobs];
  const running = new Map<J, Promise<void>>();
  const failures: unknown[] = [];
  const mayStart = ({ after = [], alone }: J) => {
    const others = [...running.keys()];
    if (others.length >= slots || others.some((other) => other.alone)) return false;
    if (alone === true && others.length > 0) return false;
    return ![...others, ...waiting].some(({ step }) => after.includes(step));
  };
  const start = (job: J) => {
    waiting.splice(waiting.indexOf(job), 1);
    const end = run(job)
      .catch((error: unknown) => failures.push(error))
      .then(() => {
        running.delete(job);
      });
    running.set(job, end);
  };
  while (failures.length === 0) {
    const next = waiting.find(mayStart);
    if (next !== undefined) start(next);
    else if (running.size > 0) await Promise.race(running.values());
    else break;
  }
  await Promise.all(running.values());
  if (failures.length > 0) throw failures[0];
  if (waiting.length > 0) throw new Error(`these wait for one another: ${waiting.map(({ step }) => step).join(', ')}`);
}
