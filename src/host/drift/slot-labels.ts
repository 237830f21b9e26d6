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
  const below = isTime ? "before" : "below";
  if (from === undefined) return to === undefined ? "any value" : `${below} ${toText}`;
  // Behind an atom: 5e-324 or above is above 0.
  const isBehindAtom = isSuccessor(edges, first - 1, type);
  if (to === undefined) {
    if (isTime) return `${fromText} or later`;
    return isBehindAtom ? `above ${fromText}` : `${fromText} or above`;
  }
  if (nextAbove(from, type) === to && !isBehindAtom) return isTime ? `${fromText}` : `exactly ${fromText}`;
  return isBehindAtom ? `above ${fromText}, ${below} ${toText}` : `${fromText} to ${below} ${toText}`;
}

/** Whether a float edge is where the bin of the atom before it ends. Of whole numbers the successor is a number of its own. */
function isSuccessor(edges: readonly Edge[], index: number, type: NumericType): boolean {
  const before = edges[index - 1];
  return before !== undefined && type.startsWith("f") && nextAbove(before, type) === edges[index];
}

function booleanLabel(from: Edge | undefined, to: Edge | undefined): string {
  const holds = (value: number) => (from === undefined || from <= value) && (to === undefined || value < to);
  const held = [0, 1].filter(holds).map((value) => (value === 0 ? "false" : "true"));
  return held.length === 1 ? held[0]! : held.length === 2 ? "any value" : "neither";
}

/**
 * Edges as texts that tell all edges apart that nine digits tell apart, with as few digits as that takes. The two edges of an atom's
 * bin are the same text.
 */
export function edgeTexts(edges: readonly Edge[], logical: Logical, type: NumericType): string[] {
  const unit = unitMs(logical, type);
  if (unit !== null) return timeTexts(edges, unit);
  const shown = edges.map((edge, index) => (isSuccessor(edges, index, type) ? edges[index - 1]! : edge));
  const at = (digits: number) => shown.map((edge) => numberText(edge, digits));
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
export function unitMs(logical: Logical, type: NumericType): number | null {
  if (logical === "date") return type === "i32" ? dayMs : 1;
  const units: Readonly<Record<string, number>> = {
    "timestamp[s]": 1_000,
    "timestamp[ms]": 1,
    "timestamp[us]": 1e-3,
    "timestamp[ns]": 1e-6,
  };
  return units[logical] ?? null;
}

/** To the day, the minute, the second or the millisecond, UTC: the first that tells all apart. What is no date is a number. */
function timeTexts(edges: readonly Edge[], unit: number): string[] {
  // Divided where the unit is finer: a multiple of 1e-6 would miss whole milliseconds by a hair.
  const times = edges.map((edge) => (unit < 1 ? Number(edge) / Math.round(1 / unit) : Number(edge) * unit));
  if (times.some((ms) => Number.isNaN(new Date(ms).getTime()))) return edges.map(String);
  const at = (length: number) =>
    times.map((ms) => new Date(ms).toISOString().slice(0, length).replace("T", " "));
  const distinct = new Set(at(23)).size;
  return [10, 16, 19, 23].map(at).find((texts) => new Set(texts).size === distinct)!;
}
