/**
 * Labelled rows, split into the selection slice, which chooses the scale, and the gate slice, which accepts or refuses the result.
 * Stratified, so that neither gets the rare class alone; seeded, so that a resumed run sees the same slices.
 */
import type { Task } from "./metrics.js";
import { Random } from "./random.js";

export interface SplitOptions {
  readonly task: Task;
  /** A safe integer. */
  readonly seed: number;
  /** Share of the rows that go to the gate slice; default 0.5. */
  readonly gateShare?: number;
}

export interface Split {
  /** Rows, ascending. No row is in both; together they are all. */
  readonly selection: Uint32Array;
  readonly gate: Uint32Array;
}

/** Strata of a regression's labels: fifths of their order. */
const regressionStrata = 5;

/**
 * @param labels  class indices, or a regression's targets
 * @returns slices whose share of every stratum is off by less than one row
 */
export function splitRows(labels: Float64Array, { task, seed, gateShare = 0.5 }: SplitOptions): Split {
  if (!(gateShare > 0 && gateShare < 1))
    throw new RangeError(`gateShare ${gateShare} is not between 0 and 1`);
  const random = new Random(seed);
  const selection: Uint32Array[] = [];
  const gate: Uint32Array[] = [];
  // Systematic rounding from a random start: a stratum's odd row goes to either slice, and the totals still come out even.
  let due = random.unit();
  for (const rows of strataOf(labels, task)) {
    random.shuffle(rows);
    const next = due + rows.length * gateShare;
    const gateCount = Math.floor(next) - Math.floor(due);
    due = next;
    gate.push(rows.subarray(0, gateCount));
    selection.push(rows.subarray(gateCount));
  }
  return { selection: joined(selection), gate: joined(gate) };
}

/** Sets of rows that are drawn from each by itself: those of a class, or of a fifth of the targets' order. */
export function strataOf(labels: Float64Array, task: Task): Uint32Array[] {
  return task === "classification" ? byLabel(labels) : byRank(labels);
}

/** Rows of each label, labels in ascending order. */
function byLabel(labels: Float64Array): Uint32Array[] {
  const rowsOf = new Map<number, number[]>();
  labels.forEach((label, row) => {
    const rows = rowsOf.get(label);
    if (rows === undefined) rowsOf.set(label, [row]);
    else rows.push(row);
  });
  return [...rowsOf].sort(([left], [right]) => left - right).map(([, rows]) => Uint32Array.from(rows));
}

/** Rows in fifths of the labels' order; equal labels keep the order of their rows. */
function byRank(labels: Float64Array): Uint32Array[] {
  const order = Uint32Array.from(labels, (_, row) => row);
  order.sort((left, right) => labels[left]! - labels[right]! || left - right);
  return Array.from({ length: regressionStrata }, (_, k) => {
    const boundary = (fifth: number) => Math.round((fifth * order.length) / regressionStrata);
    return order.slice(boundary(k), boundary(k + 1));
  });
}

function joined(parts: readonly Uint32Array[]): Uint32Array {
  const rows = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    rows.set(part, at);
    at += part.length;
  }
  return rows.sort();
}
