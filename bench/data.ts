/** Data that is the same in every run. */

export type Floats = Float32Array | Float64Array;
/** One column's values, as Arrow and every other side of a comparison hold them. */
export type Values = Floats | BigInt64Array | Int32Array;
export type ValueType = "f32" | "f64" | "i64" | "i32";

export function typeOf(values: Values): ValueType {
  if (values instanceof Float32Array) return "f32";
  if (values instanceof Float64Array) return "f64";
  return values instanceof BigInt64Array ? "i64" : "i32";
}

/** Uniform in [0, 1): mulberry32, 32 bits of state, good enough to draw from and quick. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Fills with normal deviates by pairs (Box and Muller 1958). */
export function fillNormal<T extends Floats>(out: T, seed: number, mean = 0): T {
  const next = uniform(seed);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    out[i] = mean + radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = mean + radius * Math.sin(angle);
  }
  return out;
}

/** Cauchy deviates: tails so heavy that no mean exists, and cells of equal width hold nearly all edges in one. */
export function fillCauchy<T extends Floats>(out: T, seed: number): T {
  const next = uniform(seed);
  for (let i = 0; i < out.length; i++) out[i] = Math.tan(Math.PI * (next() - 0.5));
  return out;
}

/** Normal around the nanoseconds of a day in 2025, an hour wide: beyond 2^53, where doubles no longer tell neighbours apart. */
export function timestamps(count: number, seed: number): BigInt64Array {
  const hourNs = 3.6e12;
  const middle = 1_750_000_000_000_000_000n;
  const offsets = fillNormal(new Float64Array(count), seed);
  return BigInt64Array.from(offsets, (offset) => middle + BigInt(Math.round(offset * hourNs)));
}

/** Codes whose frequency falls with their rank as 1 / rank (Zipf), as airports, words and users do; each stands at least once. */
export function zipfCodes(count: number, categoryCount: number, seed: number): Int32Array {
  const next = uniform(seed);
  const shares = Float64Array.from({ length: categoryCount }, (_, rank) => 1 / (rank + 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  let reached = 0;
  const ends = shares.map((share) => (reached += share / total));
  return Int32Array.from({ length: count }, (_, i) => {
    if (i < categoryCount) return i;
    const place = next();
    const code = ends.findIndex((end) => place < end);
    return code < 0 ? categoryCount - 1 : code;
  });
}

/** Arrow's validity bitmap, least significant bit first; a bit is 0, missing, for about `share` of the rows. */
export function validityBitmap(count: number, share: number, seed: number): Uint8Array {
  const next = uniform(seed);
  const bitmap = new Uint8Array(Math.ceil(count / 8));
  for (let row = 0; row < count; row++) if (next() >= share) bitmap[row >> 3]! |= 1 << (row & 7);
  return bitmap;
}

export function isValid(bitmap: Uint8Array | null, row: number): boolean {
  return bitmap === null || ((bitmap[row >> 3]! >> (row & 7)) & 1) === 1;
}

/** So many edges at quantiles of a sample, distinct and of the sample's type. */
export function quantileEdges<T extends Values>(values: T, edgeCount: number): T {
  const sample = values.slice(0, 100_000).sort() as T;
  const edges = sample.slice(0, edgeCount) as T;
  for (let i = 0; i < edgeCount; i++)
    edges[i] = sample[Math.floor(((i + 1) * sample.length) / (edgeCount + 1))]!;
  if (new Set<number | bigint>(edges).size !== edgeCount)
    throw new RangeError(`${edgeCount} edges are not distinct`);
  return edges;
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * The number just below: intervals closed on the right, as DuckDB has them, then hold the same as ours, which are closed on the left
 * (x < edge is x <= below(edge)). Edges of samples are neither 0 nor infinite.
 */
export function below<T extends number | bigint>(edge: T, type: ValueType): T {
  if (typeof edge === "bigint") return (edge - 1n) as T;
  return belowNumber(edge, type) as T;
}

function belowNumber(edge: number, type: ValueType): number {
  if (type === "i32" || type === "i64") return edge - 1;
  if (edge === 0 || !Number.isFinite(edge)) throw new RangeError(`no edge to step below: ${edge}`);
  const step = edge > 0 ? -1 : 1;
  if (type === "f32") {
    bits.setFloat32(0, edge);
    bits.setInt32(0, bits.getInt32(0) + step);
    return bits.getFloat32(0);
  }
  bits.setFloat64(0, edge);
  bits.setBigInt64(0, bits.getBigInt64(0) + BigInt(step));
  return bits.getFloat64(0);
}

/** In [-0.5, 0.5), exact in f32: weights of a model, the same in bench/native/companion.h. */
export function parameter(index: number, factor: number): number {
  return (Math.imul(index + 1, factor) >>> 8) / 16_777_216 - 0.5;
}

/** The factors of the two models of a pair. */
export const sourceFactor = 2_654_435_761;
export const targetFactor = 2_246_822_519;

/**
 * About 64 elements, evenly: the answer of work whose result is as large as its input. At an odd distance, so that data that repeat by a
 * power of two show all they have; the same in bench/native/companion.h and in the Python scripts.
 */
export function picked(out: ArrayLike<number>): number[] {
  return pickedIndexes(out.length).map((index) => out[index]!);
}

export function pickedIndexes(count: number): number[] {
  const every = Math.floor(count / 64) | 1;
  return Array.from({ length: Math.ceil(count / every) }, (_, index) => index * every);
}
