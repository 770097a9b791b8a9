/** Lists that are kept in the order of a number. */

/** Where the first one is that is not below it. */
function placeOf<T>(list: readonly T[], number: number, numberOf: (one: T) => number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numberOf(list[middle] as T) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function insertSorted<T>(list: T[], one: T, numberOf: (one: T) => number): void {
  const last = list.at(-1);
  if (last === undefined || numberOf(last) <= numberOf(one)) list.push(one);
  else list.splice(placeOf(list, numberOf(one), numberOf), 0, one);
}

/** Not in the list is nothing to do. */
export function removeSorted<T>(list: T[], one: T, numberOf: (one: T) => number): void {
  const number = numberOf(one);
  let at = placeOf(list, number, numberOf);
  while (at < list.length && list[at] !== one && numberOf(list[at] as T) === number) at += 1;
  if (list[at] === one) list.splice(at, 1);
}
