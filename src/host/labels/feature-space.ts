/** How far two rows of a pool are apart: features standardised by the pool's own mean and deviation, categories one-hot. */

/** Columns as labelled rows hold them: a text feature's values are codes, missing is NaN. */
export interface PoolColumns {
  readonly rowCount: number;
  readonly features: readonly string[];
  readonly columns: readonly Float64Array[];
  readonly texts: readonly (readonly string[] | null)[];
}

/** Two one-hot vectors of different categories are so far apart, squared. */
const oneHotSquare = 2;
/** A value against a missing one: a deviation. */
const missingSquare = 1;
/** So many deviations at most count in one feature: one absurd reading must not be all that decides. */
const deviationsMax = 6;

export class FeatureSpace {
  readonly rowCount: number;
  readonly #numeric: readonly Float64Array[];
  readonly #categories: readonly Float64Array[];

  constructor({ rowCount, columns, texts }: PoolColumns) {
    this.rowCount = rowCount;
    this.#numeric = columns.filter((_, index) => texts[index] === null).map(standardised);
    this.#categories = columns.filter((_, index) => texts[index] !== null);
  }

  /** Squared Euclidean distance; 0 for equal rows. */
  squareBetween(one: number, other: number): number {
    let sum = 0;
    for (const column of this.#numeric) {
      const difference = column[one]! - column[other]!;
      if (!Number.isNaN(difference)) sum += difference * difference;
      else if (Number.isNaN(column[one]!) !== Number.isNaN(column[other]!)) sum += missingSquare;
    }
    for (const column of this.#categories) {
      const isSame = Object.is(column[one], column[other]);
      if (!isSame) sum += oneHotSquare;
    }
    return sum;
  }
}

/** Over the finite values; infinities stand at the limit on their side. */
function standardised(values: Float64Array): Float64Array {
  const finite = values.filter(Number.isFinite);
  const scale = finite.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  // By the largest first, so that no sum overflows.
  const mean = finite.reduce((sum, value) => sum + value / scale, 0) / Math.max(1, finite.length);
  const square = finite.reduce((sum, value) => sum + (value / scale - mean) ** 2, 0);
  const deviation = Math.sqrt(square / Math.max(1, finite.length)) || 1;
  return values.map((value) => {
    const place = Number.isFinite(value) ? (value / scale - mean) / deviation : value;
    return Math.min(deviationsMax, Math.max(-deviationsMax, place));
  });
}
