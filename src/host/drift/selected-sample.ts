/** The order statistics that a selection found: what `SortedSample` tells, of the wanted ranks only. */
import type { NumericType } from "../kernels/types.js";
import { compareEdges, type Edge } from "./edges.js";
import { valueOfKey } from "./sorted-sample.js";

/** A wanted key: `below` finite keys are smaller, `upTo` are smaller or equal. */
export interface KnownKey {
  readonly key: bigint;
  readonly below: number;
  readonly upTo: number;
}

export class SelectedSample {
  readonly type: NumericType;
  readonly count: number;
  readonly finiteCount: number;
  readonly min: Edge;
  readonly max: Edge;
  /** Present values that stand before the finite ones. */
  readonly minusInfinities: number;
  readonly #known: ReadonlyMap<number, KnownKey>;

  constructor(
    type: NumericType,
    counts: { present: number; finite: number; minusInfinities: number },
    known: ReadonlyMap<number, KnownKey>,
    extremes: { min: Edge; max: Edge },
  ) {
    this.type = type;
    this.count = counts.present;
    this.finiteCount = counts.finite;
    this.minusInfinities = counts.minusInfinities;
    this.#known = known;
    this.min = extremes.min;
    this.max = extremes.max;
  }

  get nonFiniteCount(): number {
    return this.count - this.finiteCount;
  }

  /** The wanted keys, ascending. */
  get known(): KnownKey[] {
    return [...new Set(this.#known.values())].sort((left, right) => left.below - right.below);
  }

  /** The finite value of a rank that was wanted. */
  finiteAt(rank: number): Edge {
    const known = this.#known.get(rank);
    if (known === undefined) throw new RangeError(`rank ${rank} was not selected`);
    return valueOfKey(known.key, this.type);
  }

  /**
   * Values per bin, infinities in the tails. An edge is a wanted value, with as many values below it as its key has, or the successor
   * of one: then the values up to that one are below it.
   */
  binCounts(edges: readonly Edge[]): number[] {
    const known = this.known.map(({ key, below, upTo }) => ({
      value: valueOfKey(key, this.type),
      below,
      upTo,
    }));
    let last = 0;
    let index = 0;
    const counts = edges.map((edge) => {
      while (index < known.length && compareEdges(known[index]!.value, edge) < 0) index += 1;
      const same = index < known.length && compareEdges(known[index]!.value, edge) === 0;
      const finiteBelow = same ? known[index]!.below : known[index - 1]!.upTo;
      const held = this.minusInfinities + finiteBelow - last;
      last += held;
      return held;
    });
    return [...counts, this.count - last];
  }
}
