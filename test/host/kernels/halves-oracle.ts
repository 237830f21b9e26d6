/** Both half-width formats as tables of all their values, built by counting up: nothing in common with the code under test. */

export type Half = "F16" | "BF16";

/** IEEE 754 binary16 has 10 fraction bits and its smallest step is 2^-24; bfloat16 has 7, and the steps of an f32 over 2^16. */
const forms: Record<Half, { readonly fractionBits: number; readonly smallest: number }> = {
  F16: { fractionBits: 10, smallest: 2 ** -24 },
  BF16: { fractionBits: 7, smallest: 2 ** -133 },
};

/** The value of every pattern, 65,536 of them. */
export function tableOf(half: Half): Float64Array {
  const { fractionBits, smallest } = forms[half];
  const values = new Float64Array(65_536);
  const infinity = 0x8000 - (1 << fractionBits);
  let value = 0;
  let step = smallest;
  for (let bits = 0; bits < infinity; bits++) {
    values[bits] = value;
    values[bits | 0x8000] = -value;
    // The subnormals and the first exponent share a step; every further exponent doubles it.
    if (bits >>> fractionBits > 1 && bits % (1 << fractionBits) === 0) step *= 2;
    value += step;
  }
  for (let bits = infinity; bits < 0x8000; bits++) {
    values[bits] = bits === infinity ? Number.POSITIVE_INFINITY : Number.NaN;
    values[bits | 0x8000] = bits === infinity ? Number.NEGATIVE_INFINITY : Number.NaN;
  }
  return values;
}

/** Pattern of the nearest value, ties to the even pattern. Halfway beyond the largest value and further out is infinity. */
export function nearestPattern(half: Half, table: Float64Array, value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  const infinity = 0x8000 - (1 << forms[half].fractionBits);
  // Infinity stands where the next value would be.
  const valueAt = (bits: number) =>
    bits === infinity ? 2 * table[bits - 1]! - table[bits - 2]! : table[bits]!;
  let low = 0;
  let high = infinity;
  if (size >= valueAt(infinity)) return sign | infinity;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (valueAt(middle) <= size) low = middle;
    else high = middle;
  }
  const [below, above] = [size - valueAt(low), valueAt(high) - size];
  if (below === above) return sign | (low % 2 === 0 ? low : high);
  return sign | (below < above ? low : high);
}
