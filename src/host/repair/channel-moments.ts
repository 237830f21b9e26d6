/** Mean and variance of each channel of a value, over rows that come in batches. */

export interface ChannelMoments {
  /** Rows that were counted: those whose activations are all finite. */
  readonly rowCount: number;
  readonly means: Float64Array;
  /** Divided by the count. */
  readonly variances: Float64Array;
}

/**
 * Each batch by itself in two passes, then put together, so that nothing is lost where a mean is large beside its spread.
 * Source: Chan, Golub, LeVeque 1983, eq. 2.1.
 */
export class MomentsByChannel {
  #rowCount = 0;
  #count = 0;
  #means = new Float64Array(0);
  #squares = new Float64Array(0);

  /** @param values  row by row, and in a row channel by channel: rows * channels * places */
  take(values: Float64Array, channels: number, valuesPerRow: number): void {
    if (this.#means.length === 0) {
      this.#means = new Float64Array(channels);
      this.#squares = new Float64Array(channels);
    }
    const places = valuesPerRow / channels;
    const rows = finiteRows(values, valuesPerRow);
    const count = rows.length * places;
    if (count === 0) return;
    const total = this.#count + count;
    for (let channel = 0; channel < channels; channel++) {
      const { mean, squares } = momentsOf(values, rows, channel * places, places);
      const shift = mean - this.#means[channel]!;
      this.#means[channel]! += (shift * count) / total;
      this.#squares[channel]! += squares + (shift ** 2 * this.#count * count) / total;
    }
    this.#count = total;
    this.#rowCount += rows.length;
  }

  finish(): ChannelMoments {
    return {
      rowCount: this.#rowCount,
      means: this.#means,
      variances: this.#squares.map((squares) => squares / this.#count),
    };
  }
}

/** Where the rows begin that hold finite numbers only. */
function finiteRows(values: Float64Array, valuesPerRow: number): number[] {
  const starts: number[] = [];
  for (let start = 0; start < values.length; start += valuesPerRow) {
    if (values.subarray(start, start + valuesPerRow).every(Number.isFinite)) starts.push(start);
  }
  return starts;
}

function momentsOf(
  values: Float64Array,
  rows: readonly number[],
  offset: number,
  places: number,
): { mean: number; squares: number } {
  const count = rows.length * places;
  let sum = 0;
  for (const start of rows) {
    for (let place = 0; place < places; place++) sum += values[start + offset + place]!;
  }
  const mean = sum / count;
  let squares = 0;
  for (const start of rows) {
    for (let place = 0; place < places; place++) squares += (values[start + offset + place]! - mean) ** 2;
  }
  return { mean, squares };
}
