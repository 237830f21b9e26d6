/**
 * The scale of a repair: repaired = drifted + scale * (ancestor - drifted). Its loss curve can have several valleys, and the best
 * scale can lie beyond 1, so a grid comes first and refinement only round its best point. Deterministic.
 */
import { MendlineError } from "../../errors.js";

/** Eighths up to the ancestor, then two steps beyond it. All but 1.15 and 1.3 are exact in binary. */
export const scaleGrid: readonly number[] = [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.15, 1.3];
const refinementsDefault = 5;
/** Share of the larger end's loss by which the way between may rise above the chord: the weights are then not in one valley. */
export const barrierMaxDefault = 0.1;
/** Golden section: the share of a bracket's side at which it is probed. */
const goldenShare = (3 - Math.sqrt(5)) / 2;
/** Scales nearer than this are the same: no labels tell them apart. */
const scaleStepMin = 0.005;
/** Scales are rounded to it, so that a stored scale is the very one that was judged. */
const scaleUnit = 1e-4;

export interface ScalePoint {
  readonly scale: number;
  /** Mean proper loss; Infinity where it is not finite. */
  readonly loss: number;
}

export interface ScaleSearchOptions {
  /** Ascending, with 0 and 1. */
  readonly grid?: readonly number[];
  readonly refinements?: number;
  /** Largest barrier, as a share of the larger end's |loss|; default 0.1. */
  readonly barrierMax?: number;
  readonly signal?: AbortSignal;
  /** After each evaluation, before the next. */
  readonly onEvaluated?: (point: ScalePoint, done: number, atMost: number) => void;
}

export interface ScaleSearch {
  /** The best scale: 0 = keep, 1 = the ancestor's parameters. */
  readonly scale: number;
  readonly loss: number;
  /** Every scale judged, ascending. */
  readonly curve: readonly ScalePoint[];
  /**
   * How far the curve rises above the straight line between the losses at 0 and 1, in the loss's units, 0 at least. Infinity when one
   * of the losses from 0 to 1 is not finite.
   */
  readonly barrier: number;
  /** Whether the barrier left only keep (0) or roll back (1). */
  readonly isBarred: boolean;
}

/**
 * @param evaluate  the mean loss of the candidate at a scale, on the selection slice
 * @throws MendlineError MENDLINE_TASK_ABORTED  by the signal, between two evaluations
 */
export async function searchScale(
  evaluate: (scale: number) => Promise<number>,
  options: ScaleSearchOptions = {},
): Promise<ScaleSearch> {
  const { grid = scaleGrid, refinements = refinementsDefault, barrierMax = barrierMaxDefault } = options;
  checkGrid(grid);
  const curve = new Curve(evaluate, options, grid.length + refinements);
  for (const scale of grid) await curve.judge(scale);
  if (!isBarred(curve.points, barrierMax)) {
    for (let i = 0; i < refinements; i++) {
      const scale = nextScale(curve.points);
      if (scale === null) break;
      await curve.judge(scale);
    }
  }
  const barred = isBarred(curve.points, barrierMax);
  const ends = curve.points.filter((point) => point.scale === 0 || point.scale === 1);
  const best = bestOf(barred ? ends : curve.points);
  return {
    scale: best.scale,
    loss: best.loss,
    curve: curve.points,
    barrier: barrierOf(curve.points),
    isBarred: barred,
  };
}

/** The largest rise above the chord between scale 0 and 1. */
export function barrierOf(points: readonly ScalePoint[]): number {
  const { keep, rollback } = endsOf(points);
  const between = points.filter((point) => point.scale >= 0 && point.scale <= 1);
  if (!between.every((point) => Number.isFinite(point.loss))) return Number.POSITIVE_INFINITY;
  return between.reduce(
    (most, { scale, loss }) => Math.max(most, loss - (keep + scale * (rollback - keep))),
    0,
  );
}

function isBarred(points: readonly ScalePoint[], barrierMax: number): boolean {
  const { keep, rollback } = endsOf(points);
  const barrier = barrierOf(points);
  return !Number.isFinite(barrier) || barrier > barrierMax * Math.max(Math.abs(keep), Math.abs(rollback));
}

function endsOf(points: readonly ScalePoint[]): { keep: number; rollback: number } {
  const lossAt = (scale: number) => points.find((point) => point.scale === scale)!.loss;
  return { keep: lossAt(0), rollback: lossAt(1) };
}

/** The lowest loss; the smaller scale where two are equal, and 0 where none is finite. */
function bestOf(points: readonly ScalePoint[]): ScalePoint {
  return points.reduce((best, point) => (point.loss < best.loss ? point : best));
}

/**
 * Where to look next: the vertex of the parabola through the best point and its neighbours, or a golden section of the wider side
 * where that vertex is no new point inside the bracket. Null when the bracket is as narrow as it need be.
 */
function nextScale(points: readonly ScalePoint[]): number | null {
  const best = bestOf(points);
  const at = points.indexOf(best);
  const left = points[at - 1];
  const right = points[at + 1];
  if (!Number.isFinite(best.loss)) return null;
  const isNew = (scale: number) => points.every((point) => Math.abs(point.scale - scale) >= scaleStepMin);
  if (left !== undefined && right !== undefined) {
    const vertex = rounded(vertexOf(left, best, right));
    if (vertex > left.scale && vertex < right.scale && isNew(vertex)) return vertex;
  }
  const leftWidth = left === undefined ? 0 : best.scale - left.scale;
  const rightWidth = right === undefined ? 0 : right.scale - best.scale;
  const step = leftWidth > rightWidth ? -leftWidth * goldenShare : rightWidth * goldenShare;
  const section = rounded(best.scale + step);
  return isNew(section) ? section : null;
}

/** NaN where the three are no parabola with a lowest point; no comparison with it holds. */
function vertexOf(left: ScalePoint, middle: ScalePoint, right: ScalePoint): number {
  const fromLeft = (middle.loss - left.loss) / (middle.scale - left.scale);
  const fromRight = (right.loss - middle.loss) / (right.scale - middle.scale);
  const curvature = (fromRight - fromLeft) / (right.scale - left.scale);
  if (!(curvature > 0 && Number.isFinite(curvature))) return Number.NaN;
  return (left.scale + middle.scale) / 2 - fromLeft / (2 * curvature);
}

function rounded(scale: number): number {
  return Math.round(scale / scaleUnit) / Math.round(1 / scaleUnit);
}

function checkGrid(grid: readonly number[]): void {
  const isAscending = grid.every((scale, index) => index === 0 || scale > grid[index - 1]!);
  if (isAscending && grid.includes(0) && grid.includes(1)) return;
  throw new RangeError(`a grid of scales ascends and holds 0 and 1, but is ${grid.join(", ")}`);
}

/** The points judged so far, ascending. */
class Curve {
  readonly points: ScalePoint[] = [];
  readonly #evaluate: (scale: number) => Promise<number>;
  readonly #options: ScaleSearchOptions;
  readonly #atMost: number;

  constructor(evaluate: (scale: number) => Promise<number>, options: ScaleSearchOptions, atMost: number) {
    this.#evaluate = evaluate;
    this.#options = options;
    this.#atMost = atMost;
  }

  async judge(scale: number): Promise<void> {
    const { signal, onEvaluated } = this.#options;
    if (signal?.aborted) {
      throw new MendlineError("MENDLINE_TASK_ABORTED", "the search for a scale was cancelled", {
        cause: signal.reason,
      });
    }
    const point = { scale, loss: finiteOr(await this.#evaluate(scale)) };
    this.points.push(point);
    this.points.sort((one, other) => one.scale - other.scale);
    onEvaluated?.(point, this.points.length, this.#atMost);
  }
}

function finiteOr(loss: number): number {
  return Number.isFinite(loss) ? loss : Number.POSITIVE_INFINITY;
}
