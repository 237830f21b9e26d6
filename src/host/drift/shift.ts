/**
 * How far a numeric feature has moved, in its own unit: Wasserstein distance, mean, standard deviation.
 *
 * `exact`: from all finite values of both samples. `binned`: from counts over the 256 quantiles of the Kolmogorov-Smirnov grid, with
 * every value taken for the middle of its bin.
 *
 *     bins        [min, e_1)   [e_1, e_2)   ...   [e_K, max]         the ends are the reference's; an atom is its own middle
 *     middles         x_0          x_1      ...       x_K
 *
 * Values beyond the reference's range, infinities among them, count as if they lay in its outermost bins: counts cannot tell how far
 * out they are. Within the range the exact distance is between `lower` and `upper`.
 */
import { isFloatType } from "../kernels/types.js";
import { type Edge, isSingleNumberBin } from "./edges.js";
import type { Moments, NumericFeatureProfile } from "./profile.js";

export interface MomentShift {
  readonly reference: number;
  readonly current: number;
  /** current - reference. */
  readonly shift: number;
  /** The shift in standard deviations of the reference; null where all its values are equal. */
  readonly scaled: number | null;
}

export interface Shift {
  readonly method: "exact" | "binned";
  /** Order 1: the area between the two distribution functions, in the feature's unit. */
  readonly wasserstein: {
    readonly distance: number;
    readonly lower: number;
    readonly upper: number;
    /** In standard deviations of the reference; null where all its values are equal. */
    readonly scaled: number | null;
  };
  readonly mean: MomentShift;
  /** Population standard deviations: sqrt(M2 / n). */
  readonly standardDeviation: MomentShift;
}

/**
 * Null where a sample has no finite value, or the figures exceed the largest double.
 *
 * @param distance  Wasserstein's, of the finite values (sample-distances.ts)
 */
export function exactShift(reference: Moments, current: Moments, distance: number): Shift | null {
  if (reference.count === 0 || current.count === 0) return null;
  return shiftOf("exact", { distance, error: 0 }, reference, current);
}

/** @param current  value bins over the profile's Kolmogorov-Smirnov grid */
export function binnedShift(profile: NumericFeatureProfile, current: readonly number[]): Shift | null {
  const { moments, ks } = profile;
  const n = total(ks.counts);
  const m = total(current);
  const spread = deviationOf(moments);
  if (moments.count === 0 || m === 0 || spread === null) return null;
  const bins = binExtents(profile);
  let gap = 0;
  let distance = 0;
  let error = 0;
  let mean = 0;
  let power = 0;
  bins.forEach(({ middle, half }, bin) => {
    const r = ks.counts[bin]! / n;
    const c = current[bin]! / m;
    mean += (c - r) * middle;
    power += (c - r) * (middle - moments.mean) ** 2;
    error += (r + c) * half;
    gap += c - r;
    const next = bins[bin + 1];
    if (next !== undefined) distance += Math.abs(gap) * (next.middle - middle);
  });
  // The same middles on both sides: what is unknown within the bins cancels, and equal counts give no shift at all.
  const variance = Math.max(0, spread ** 2 + power - mean ** 2);
  const found = { count: m, mean: moments.mean + mean, m2: variance * m };
  return shiftOf("binned", { distance, error }, moments, found);
}

type Known = Pick<Moments, "count" | "mean" | "m2">;

function shiftOf(
  method: Shift["method"],
  { distance, error }: { distance: number; error: number },
  reference: Known,
  current: Known,
): Shift | null {
  const [before, after] = [deviationOf(reference), deviationOf(current)];
  if (before === null || after === null) return null;
  const scaled = (value: number) => (Number.isFinite(value / before) ? value / before : null);
  const moved = (from: number, to: number): MomentShift => ({
    reference: from,
    current: to,
    shift: to - from,
    scaled: scaled(to - from),
  });
  const shift: Shift = {
    method,
    wasserstein: {
      distance,
      lower: Math.max(0, distance - error),
      upper: distance + error,
      scaled: scaled(distance),
    },
    mean: moved(reference.mean, current.mean),
    standardDeviation: moved(before, after),
  };
  const { wasserstein, mean, standardDeviation } = shift;
  const figures = [
    ...Object.values(wasserstein),
    ...Object.values(mean),
    ...Object.values(standardDeviation),
  ];
  return figures.every((value) => value === null || Number.isFinite(value)) ? shift : null;
}

function deviationOf({ count, m2 }: Known): number | null {
  return m2 === null || count === 0 ? null : Math.sqrt(m2 / count);
}

/** Middle and half width of each bin of the Kolmogorov-Smirnov grid, its tails closed by the reference's extremes. */
function binExtents({ ks, moments, type }: NumericFeatureProfile): { middle: number; half: number }[] {
  const { edges } = ks;
  return Array.from({ length: edges.length + 1 }, (_, bin) => {
    const low = bin === 0 ? moments.min : Number(edges[bin - 1]!);
    const high = bin === edges.length ? moments.max : highestIn(edges, bin, type);
    const top = Math.max(low, high);
    // Halved first: the ends of f64 are further apart than f64 goes.
    return { middle: low / 2 + top / 2, half: top / 2 - low / 2 };
  });
}

/** The greatest value of an inner bin: below its upper edge, which for floats is as good as the edge. */
function highestIn(edges: readonly Edge[], bin: number, type: NumericFeatureProfile["type"]): number {
  const edge = edges[bin]!;
  if (isSingleNumberBin(edges, bin, type)) return Number(edges[bin - 1]!);
  if (isFloatType(type)) return Number(edge);
  return typeof edge === "bigint" ? Number(edge - 1n) : edge - 1;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
