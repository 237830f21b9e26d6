/**
 * Frozen edges of a reference: quantiles by whole numbers, an own bin for atoms, and the same edges for columns of another type.
 */
import { isFloatType, isWideInteger, type NumericType, rangeOf } from "../kernels/types.js";

/** bigint for 64-bit integers, number for everything else; never -0, NaN or infinite. */
export type Edge = number | bigint;

const f64View = new DataView(new ArrayBuffer(8));

/** The next representable number of the type, or null where there is no greater finite one. */
export function nextAbove(edge: Edge, type: NumericType, highest: Edge = rangeOf(type).highest): Edge | null {
  if (edge >= highest) return null;
  if (typeof edge === "bigint") return edge + 1n;
  if (!isFloatType(type)) return edge + 1;
  return type === "f32" ? nextFloat32(edge) : nextFloat64(edge);
}

function nextFloat64(value: number): number {
  if (value === 0) return Number.MIN_VALUE;
  f64View.setFloat64(0, value);
  const bits = f64View.getBigInt64(0);
  f64View.setBigInt64(0, value > 0 ? bits + 1n : bits - 1n);
  return f64View.getFloat64(0) + 0;
}

function nextFloat32(value: number): number {
  if (value === 0) return 2 ** -149;
  f64View.setFloat32(0, value);
  const bits = f64View.getInt32(0);
  f64View.setInt32(0, value > 0 ? bits + 1 : bits - 1);
  return f64View.getFloat32(0) + 0;
}

/**
 * Edges at the distinct q_i = v[ceil(i n / B) - 1], i = 1 .. B-1, and behind a value that is q_i for two or more i (an atom) its
 * successor, so that the atom has a bin of its own.
 *
 * @param valueAt   the sorted present, finite values, by index
 * @param highest   the greatest value the column can hold (1 for booleans)
 */
export function quantileEdges(
  valueAt: (index: number) => Edge,
  count: number,
  bins: number,
  type: NumericType,
  highest?: Edge,
): Edge[] {
  if (count === 0) return [];
  const edges: Edge[] = [];
  let last: Edge | null = null;
  let isAtom = false;
  const closeAtom = () => {
    const above = last !== null && isAtom ? nextAbove(last, type, highest) : null;
    if (above !== null) edges.push(above);
  };
  for (let i = 1; i < bins; i++) {
    const quantile = valueAt(Math.ceil((i * count) / bins) - 1);
    if (last !== null && quantile === last) {
      isAtom = true;
      continue;
    }
    closeAtom();
    // The successor of an atom may itself be the next quantile.
    if (edges.at(-1) !== quantile) edges.push(quantile);
    last = quantile;
    isAtom = false;
  }
  closeAtom();
  return edges;
}

/** Whether bin `index` (edges[index - 1] <= x < edges[index]) can hold one single number only. */
export function isSingleNumberBin(edges: readonly Edge[], index: number, type: NumericType): boolean {
  if (index === 0 || index >= edges.length) return false;
  return nextAbove(edges[index - 1]!, type) === edges[index];
}

/** Sorted union of several sorted lists. */
export function mergeEdges(lists: readonly (readonly Edge[])[]): Edge[] {
  const all = lists.flat().sort(compareEdges);
  return all.filter((edge, index) => index === 0 || compareEdges(all[index - 1]!, edge) !== 0);
}

/** Numbers and bigints by their exact mathematical value, as JavaScript compares mixed types. */
export function compareEdges(left: Edge, right: Edge): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

/** The smallest value of `type` that is >= edge, infinity included; null where the type reaches none. */
export function edgeInType(edge: Edge, type: NumericType): Edge | null {
  const { lowest, highest } = rangeOf(type);
  if (edge > highest) return isFloatType(type) ? Number.POSITIVE_INFINITY : null;
  if (edge <= lowest) return lowest;
  if (isFloatType(type)) return floatAtLeast(edge, type);
  if (typeof edge === "bigint") return isWideInteger(type) ? edge : Number(edge);
  const whole = Math.ceil(edge) + 0;
  return isWideInteger(type) ? BigInt(whole) : whole;
}

function floatAtLeast(edge: Edge, type: NumericType): number {
  const near = type === "f32" ? Math.fround(Number(edge)) : Number(edge);
  return near < edge ? (nextAbove(near, type) as number) : near;
}

/**
 * The smallest double that f32 rounds to the edge or above it. An edge of f32 values stands there among doubles: x counts where its
 * f32 does, whether x itself comes or what f32 made of it.
 *
 *     f32           pred             edge             succ
 *     doubles   ------|-------[-------|-------[-------|-----       [ the boundaries: half way, ties to even
 */
export function roundingBoundary(edge: Edge): number {
  const value = Number(edge);
  // Rounding goes as if f32 went on behind its ends.
  const below = -Number(nextAbove(-value, "f32") ?? 2 ** 128);
  const middle = (value + below) / 2 + 0;
  return Math.fround(middle) >= value ? middle : nextFloat64(middle);
}

/**
 * Edges as f32 values meet them, in order; neighbours that f32 cannot tell apart become equal. An edge of doubles is a value of the
 * reference, so it stands for what f32 makes of that value; behind an atom, for the successor of that in f32. Other edges are met
 * exactly: the smallest f32 that is no less.
 */
export function edgesAsFloat32(edges: readonly Edge[], isOfDoubles: (edge: number) => boolean): number[] {
  let last = Number.NEGATIVE_INFINITY;
  return edges.map((edge, index) => {
    const reached = isOfDoubles(Number(edge))
      ? roundedToFloat32(Number(edge), edges[index - 1])
      : edgeInType(edge, "f32");
    last = Math.max(last, Number(reached));
    return last;
  });
}

function roundedToFloat32(edge: number, before: Edge | undefined): number {
  const near = Math.fround(edge) + 0;
  if (!Number.isFinite(near)) return Number(edgeInType(edge, "f32"));
  const isBehindAtom = before !== undefined && nextAbove(Number(before), "f64") === edge;
  if (near === edge || !isBehindAtom) return near;
  const above = nextAbove(Math.fround(Number(before)), "f32");
  return above === null ? Number.POSITIVE_INFINITY : Number(above);
}

/** A number; text for whole numbers that a double cannot hold. */
export function edgeToJson(edge: Edge): number | string {
  if (typeof edge === "number") return edge;
  return edge >= -(2n ** 53n) && edge <= 2n ** 53n ? Number(edge) : String(edge);
}
