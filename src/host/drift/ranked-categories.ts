/** The most frequent categories of a column, in order: falling count, ties by UTF-8 bytes (DESIGN section 4). */

export interface RankedCategory {
  readonly name: string;
  readonly count: number;
  readonly bytes: Buffer;
}

/** Names that are looked at between two steps. */
const namesAtOnce = 1_024;
/** Names that wait to be put in order, all at once. */
const waitingMax = 4_096;

function compareCategories(left: RankedCategory, right: RankedCategory): number {
  return right.count - left.count || Buffer.compare(left.bytes, right.bytes);
}

/** @returns `most` of them at most, in steps of a few milliseconds whatever their number */
export function* rankedCategories(
  counts: ReadonlyMap<string, number>,
  most: number,
): Generator<void, RankedCategory[]> {
  let top: RankedCategory[] = [];
  let waiting: RankedCategory[] = [];
  // Two runs in order are merged, not sorted anew.
  const takeIn = () => {
    top = [...top, ...waiting.sort(compareCategories)].sort(compareCategories).slice(0, most);
    waiting = [];
  };
  let looked = 0;
  for (const [name, count] of counts) {
    if (++looked % namesAtOnce === 0) yield;
    const last = top.length < most ? undefined : top.at(-1);
    if (last !== undefined && count < last.count) continue;
    const one = { name, count, bytes: Buffer.from(name) };
    if (last !== undefined && compareCategories(one, last) > 0) continue;
    waiting.push(one);
    if (waiting.length === waitingMax) takeIn();
  }
  takeIn();
  return top;
}
