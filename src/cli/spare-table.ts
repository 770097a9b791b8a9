/** How pools of spares are shown. */
import { list, type Output } from './output.js';

interface Pool {
  readonly image: string;
  readonly size: number;
  readonly ready: number;
}

export function spareTable(pools: readonly Pool[]): Output {
  return list(
    pools,
    [
      { key: 'image', text: ({ image }) => image },
      { key: 'size', text: ({ size }) => size },
      { key: 'ready', text: ({ ready }) => ready },
    ],
    ({ image }) => image,
  );
}
