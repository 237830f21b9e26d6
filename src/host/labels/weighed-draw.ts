/**
 * Rows drawn at random, the sooner the more their labels can move a comparison, and what each then counts for so that the comparison
 * stays unbiased. Where two models say the same of a row, its label tells nothing about which is better.
 *
 * Draws are one after the other, without replacement; each has a chance that mixes a uniform one with its stake. The weights are those
 * of Farquhar, Gal, Rainforth, On Statistical Bias In Active Learning, ICLR 2021 (R_LURE, theorem 1), which Kossen, Farquhar, Gal,
 * Rainforth, Active Testing, ICML 2021, judge models by: with N rows at first and M drawn, the m-th draw, of chance q, counts
 *
 *     v = 1 + (N - M) / (N - m) (1 / ((N - m + 1) q) - 1)
 *
 * A uniform draw counts 1, and where all rows are drawn, each does.
 */
/** Seeded; `below(n)` is uniform on 0 … n - 1, `unit()` on [0, 1). */
export interface RandomSource {
  below(count: number): number;
  unit(): number;
}

/** How a row came to be drawn. */
export interface Draw {
  /** Its chance over that of a uniform draw: (N - m + 1) q. */
  readonly chance: number;
  /** Rows that could have been drawn, itself among them: N - m + 1. */
  readonly left: number;
}

export interface DrawnRow extends Draw {
  readonly row: number;
}

/** Share of a row's chance that is the same for all: no row counts for more than 1 / it. */
export const uniformShare = 0.3;
/** Of stakes that are added up in another order. */
const stakesMin = 1e-12;

/**
 * @param rows  may be drawn, not modified
 * @param stakes  by row, finite, at least 0: what its label can move
 */
export function drawByStakes(
  rows: Uint32Array,
  stakes: Float64Array,
  count: number,
  random: RandomSource,
): DrawnRow[] {
  const left = Array.from(rows);
  let total = left.reduce((sum, row) => sum + stakes[row]!, 0);
  const drawn: DrawnRow[] = [];
  while (drawn.length < count && left.length > 0) {
    const isUniform = total <= stakesMin || random.unit() < uniformShare;
    const at = isUniform ? random.below(left.length) : atShare(left, stakes, total * random.unit());
    const row = left[at]!;
    const chance =
      total <= stakesMin ? 1 : uniformShare + ((1 - uniformShare) * stakes[row]! * left.length) / total;
    drawn.push({ row, chance, left: left.length });
    left[at] = left.at(-1)!;
    left.pop();
    total -= stakes[row]!;
  }
  return drawn;
}

/** The place at which the stakes, added up, first exceed `share`; the last one where rounding leaves none. */
function atShare(rows: readonly number[], stakes: Float64Array, share: number): number {
  let sum = 0;
  for (let at = 0; at < rows.length; at++) {
    sum += stakes[rows[at]!]!;
    if (sum > share) return at;
  }
  return rows.length - 1;
}

/** What the rows of all draws count, in their order; those that were no draw of a pool count 1, as uniform ones do. */
export function weightsOf(draws: readonly (Draw | null)[]): Float64Array {
  const leftAfter = draws.reduce((least, draw) => Math.min(least, (draw?.left ?? Infinity) - 1), Infinity);
  return Float64Array.from(draws, (draw) => {
    if (draw === null || draw.left === 1) return 1;
    return 1 + Math.min(1, leftAfter / (draw.left - 1)) * (1 / draw.chance - 1);
  });
}
