/** What an operation leaves to be done behind its answer, for those that may leave something (merge-behind.ts). */
import type { BehindOptions } from '../operations/merge-behind.js';
import type { Output } from './output.js';

export class Behind {
  readonly options: Required<Pick<BehindOptions, 'behind'>>;
  #rest: Promise<void> | undefined;

  /** @param tell says a sentence to whoever still listens */
  constructor(tell: (note: string) => void) {
    this.options = {
      behind: (rest) => {
        this.#rest = rest.then((note) => {
          if (note !== undefined) tell(note);
        });
        this.#rest.catch(() => {});
      },
    };
  }

  /** The answer, and what is left. */
  with(output: Extract<Output, { kind: 'done' }>): Output {
    return { ...output, behind: this.#rest };
  }
}
