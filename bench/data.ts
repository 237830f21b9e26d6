/** Data that is the same in every run. */

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
export function fillNormal<T extends Float32Array | Float64Array>(out: T, seed: number, mean = 0): T {
  const next = uniform(seed);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    out[i] = mean + radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = mean + radius * Math.sin(angle);
  }
  return out;
}

/** So many edges at quantiles of a sample, distinct and of the sample's type. */
export function quantileEdges<T extends Float32Array | Float64Array>(values: T, edgeCount: number): T {
  const sample = values.slice(0, 100_000).sort() as T;
  const picked = Array.from(
    { length: edgeCount },
    (_, i) => sample[Math.floor(((i + 1) * sample.length) / (edgeCount + 1))]!,
  );
  const edges = (sample instanceof Float32Array ? Float32Array : Float64Array).from(picked) as T;
  if (new Set(edges).size !== edgeCount) throw new RangeError(`${edgeCount} edges are not distinct`);
  return edges;
}

const bits = new DataView(new ArrayBuffer(8));

/**
 * The number just below: intervals closed on the right, as DuckDB has them, then hold the same as ours, which are closed on the left
 * (x < edge is x <= below(edge)). Edges of samples are neither 0 nor infinite.
 */
export function below(edge: number, type: "f32" | "f64"): number {
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
