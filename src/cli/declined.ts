/** Thrown where the engine cannot do for a client what the client can do itself; nothing has been done or said by then. */
export class Declined extends Error {
  constructor() {
    super('not done here');
  }
}
