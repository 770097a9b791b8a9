/** Tests that `npm run test:sanitized` leaves out, each with the reason. */
export interface NotSanitized {
  readonly file: string;
  /** The test's or the describe's. */
  readonly title: string;
  readonly because: string;
}

export const notSanitized: readonly NotSanitized[] = [];
