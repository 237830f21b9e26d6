/** What the bins of a numeric feature are called: "6.2 or above", "exactly 0", "2024-05-01 to before 2024-06-01", "true". */
import type { Logical } from "../columns/column.js";
import type { NumericType } from "../kernels/types.js";
import { type Edge, nextAbove } from "./edges.js";

/** The values of bins first to last together. */
export function rangeLabel(
  edges: readonly Edge[],
  texts: readonly string[],
  first: number,
  last: number,
  { type, logical }: { readonly type: NumericType; readonly logical: Logical },
): string {
  const [from, to] = [edges[first - 1], edges[last]];
  if (logical === "boolean") return booleanLabel(from, to);
  const [fromText, toText] = [texts[first - 1], texts[last]];
  const isTime = unitMs(logical, type) !== null;
  if (from === undefined) return to === undefined ? "any value" : `${isTime ? "before" : "below"} ${toText}`;
  if (to === undefined) return isTime ? `${fromText} or later` : `${fromText} or above`;
  if (nextAbove(from, type) === to) return isTime ? `${fromText}` : `exactly ${fromText}`;
  return `${fromText} to ${isTime ? "before" : "below"} ${toText}`;
}

function booleanLabel(from: Edge | undefined, to: Edge | undefined): string {
  const holds = (value: number) => (from === undefined || from <= value) && (to === undefined || value < to);
  const held = [0, 1].filter(holds).map((value) => (value === 0 ? "false" : "true"));
  return held.length === 1 ? held[0]! : held.length === 2 ? "any value" : "neither";
}

/**
 * Edges as texts that tell all edges apart that nine digits tell apart, with as few digits as that takes. The two edges of a bin
 * that holds one number may be the same text.
 */
export function edgeTexts(edges: readonly Edge[], logical: Logical, type: NumericType): string[] {
  const unit = unitMs(logical, type);
  if (unit !== null) return timeTexts(edges, unit);
  const at = (digits: number) => edges.map((edge) => numberText(edge, digits));
  const distinct = new Set(at(9)).size;
  for (let digits = 3; digits < 9; digits++) {
    const texts = at(digits);
    if (new Set(texts).size === distinct) return texts;
  }
  return at(9);
}

function numberText(edge: Edge, digits: number): string {
  if (typeof edge === "bigint") return String(edge);
  if (Number.isInteger(edge) && Math.abs(edge) < 2 ** 53) return String(edge);
  return String(Number(edge.toPrecision(digits)));
}

const dayMs = 86_400_000;

/** Milliseconds of one unit of a time; null for what is none. Dates are days in 32 bits, milliseconds in 64 (Arrow's Date). */
function unitMs(logical: Logical, type: NumericType): number | null {
  if (logical === "date") return type === "i32" ? dayMs : 1;
  const units: Readonly<Record<string, number>> = {
    "timestamp[s]": 1_000,
    "timestamp[ms]": 1,
    "timestamp[us]": 1e-3,
    "timestamp[ns]": 1e-6,
  };
  return units[logical] ?? null;
}

/** Days where all are whole days, else to the second or to the millisecond, UTC. What is no date is a number. */
function timeTexts(edges: readonly Edge[], unit: number): string[] {
  const times = edges.map((edge) => Number(edge) * unit);
  if (times.some((ms) => Number.isNaN(new Date(ms).getTime()))) return edges.map(String);
  const length = times.every((ms) => ms % dayMs === 0) ? 10 : times.every((ms) => ms % 1_000 === 0) ? 19 : 23;
  return times.map((ms) => new Date(ms).toISOString().slice(0, length).replace("T", " "));
}
