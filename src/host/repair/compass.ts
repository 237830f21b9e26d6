/**
 * A search for the lowest of a function of a few numbers that has no slope to follow: try a step along each axis in turn, go where it
 * is lower, halve the steps where no way is. Source: Hooke and Jeeves 1961; Kolda, Lewis and Torczon 2003, "compass search".
 */

export interface CompassOptions {
  readonly start: readonly number[];
  /** The first step along each axis. */
  readonly steps: readonly number[];
  /** The search ends when the steps have shrunk below this share of the first. */
  readonly shrinkMin: number;
  /** Points that are judged at most, the start included. */
  readonly pointsMax: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface CompassPoint {
  readonly at: readonly number[];
  readonly value: number;
}

/** Numbers are rounded to it, so that a stored point is the very one that was judged. */
const unit = 1e-4;

/** @returns the lowest point, and all that were judged, in order */
export async function compassSearch(
  objective: (at: readonly number[]) => Promise<number>,
  options: CompassOptions,
): Promise<{ readonly best: CompassPoint; readonly points: readonly CompassPoint[] }> {
  const { lowest, highest, pointsMax, shrinkMin } = options;
  const points = new Map<string, CompassPoint>();
  const rounded = (value: number) =>
    Math.round(Math.min(highest, Math.max(lowest, value)) / unit) / Math.round(1 / unit);
  const judge = async (wanted: readonly number[]): Promise<CompassPoint | null> => {
    const at = wanted.map(rounded);
    const key = at.join(" ");
    let point = points.get(key) ?? null;
    if (point === null && points.size < pointsMax) {
      point = { at, value: await objective(at) };
      points.set(key, point);
    }
    return point;
  };
  let best = (await judge(options.start))!;
  for (let shrink = 1; shrink >= shrinkMin && points.size < pointsMax; ) {
    const before = best;
    for (const [axis, step] of options.steps.entries()) {
      for (const direction of [1, -1]) {
        const next = await judge(best.at.with(axis, best.at[axis]! + direction * step * shrink));
        if (next === null || !(next.value < best.value)) continue;
        best = next;
        break;
      }
    }
    if (best === before) shrink /= 2;
  }
  return { best, points: [...points.values()] };
}
