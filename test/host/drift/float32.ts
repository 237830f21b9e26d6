/** How an f32 reference or f32 live data meet doubles, once more and plainly. */
import { type Edge, nextAbove } from "../../../src/host/drift/edges.js";

const highest = 3.4028234663852886e38;

/** Edges of doubles beside values of f32: what f32 makes of them, and behind an atom the successor of that. */
export function edgesInFloat32(edges: readonly Edge[]): number[] {
  const met = edges.map((edge, index) => {
    const before = edges[index - 1];
    const isBehindAtom = before !== undefined && nextAbove(before, "f64") === edge;
    if (Math.abs(Number(edge)) > 3.4028235677973362e38)
      return Number(edge) > 0 ? Number.POSITIVE_INFINITY : -highest;
    if (!isBehindAtom || Math.fround(Number(edge)) === edge) return Math.fround(Number(edge));
    return Number(nextAbove(Math.fround(Number(before)), "f32") ?? Number.POSITIVE_INFINITY);
  });
  return met.map((_, index) => Math.max(...met.slice(0, index + 1)));
}
