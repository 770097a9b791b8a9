/** The hooks that nearly every integration test has: what it needs, a host of its own, and its end. */
import { needsImage } from './images.js';
import { type Fact, requires } from './requires.js';
import { type TempHost, type TempHostOptions, tempHost } from './temp-host.js';

export interface GivenOptions extends TempHostOptions {
  /** Besides root and overlay. */
  readonly needs?: readonly Fact[];
  /** Built before, if they are not there yet. */
  readonly images?: readonly string[];
}

/**
 * In a `describe`: a host from its first test to its last.
 *
 * @example const given = givenHost({ images: ['busybox'] }, async (host) => { zone = await host.run({ image: 'busybox' }); });
 */
export function givenHost(
  options: GivenOptions = {},
  setUp: (host: TempHost) => Promise<void> = async () => {},
): { readonly host: TempHost } {
  const { needs = [], images = [], ...rest } = options;
  let host: TempHost | undefined;
  before('what it needs', requires('root', 'overlay', ...needs));
  for (const image of images) before(`image ${image}`, needsImage(image));
  before('a host', async () => {
    host = await tempHost(rest);
    await setUp(host);
  });
  after('the end of the host', async () => host?.[Symbol.asyncDispose]());
  return {
    get host() {
      if (host === undefined) throw new Error('the host is there from the first test on');
      return host;
    },
  };
}
